import * as z from 'zod';
import { BACKEND_NAMES, NATIVE_NAMES } from './backends';

/** What `backends list --json` prints, and the Backend Report shows. */
export const backendReportSchema = z.object({
  format: z.literal(1),
  /** What `auto` would take. */
  chosen: z.enum(BACKEND_NAMES).nullable(),
  /** Where native backends are installed. */
  folder: z.string(),
  machine: z.object({
    platform: z.string(),
    arch: z.string(),
    node: z.string(),
    processor: z.string(),
    cores: z.int(),
    memoryBytes: z.number(),
  }),
  backends: z.array(
    z.object({
      name: z.enum(BACKEND_NAMES),
      summary: z.string(),
      state: z.enum(['works', 'refused', 'not-installed']),
      /** Why not, and what to do about it. */
      reason: z.string().optional(),
      device: z.string().optional().describe('What it computes on, where not the processor.'),
      memoryBytes: z.number().optional().describe('What it may use.'),
      probeMs: z.number().optional().describe('Start and self-test, in a process of its own.'),
      checkedAt: z.number().optional().describe('Unix time in milliseconds.'),
      installation: z
        .object({
          package: z.string(),
          version: z.string(),
          library: z.string(),
          source: z.string(),
          folder: z.string(),
          installedAt: z.number(),
        })
        .optional(),
    }),
  ),
});
export type BackendReport = z.output<typeof backendReportSchema>;
export type BackendEntry = BackendReport['backends'][number];

/** A native backend that is there, in whatever state; nothing is tested for it. */
export const installedBackendSchema = z.object({
  name: z.enum(NATIVE_NAMES),
  /** Why its own description cannot be read. */
  damaged: z.string().optional(),
  /** Of one that is not damaged. */
  details: z
    .object({
      library: z.string(),
      source: z.enum(['wheel', 'official', 'npm', 'dir']),
      packageFolder: z.string(),
      /** Whether it is what this version of Flatscape would install. */
      current: z.boolean(),
    })
    .optional(),
});
export type InstalledBackend = z.output<typeof installedBackendSchema>;

/** The report as a Markdown page. */
export function backendReportMarkdown(report: BackendReport): string {
  const { machine, chosen } = report;
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const state = { works: 'works', refused: 'refused', 'not-installed': 'not installed' };
  const rows = report.backends.map((b) => {
    const took = b.probeMs === undefined ? '–' : `${(b.probeMs / 1000).toFixed(1)} s`;
    const memory = b.memoryBytes === undefined ? '–' : gigabytes(b.memoryBytes);
    return `| ${b.name}${b.name === chosen ? ' **(auto)**' : ''} | ${state[b.state]} | ${[b.summary, b.device].filter(Boolean).join(': ')} | ${memory} | ${took} |`;
  });
  const refused = report.backends.filter((b) => b.reason !== undefined);
  const installed = report.backends.flatMap(({ name, installation: i }) =>
    i
      ? [
          `- **${name}**: ${i.package} ${i.version} on ${i.library} (source: ${i.source}), in \`${i.folder}\``,
        ]
      : [],
  );
  return [
    '# Backend Report',
    chosen === null
      ? 'No backend works on this machine.'
      : `\`runtime.backend: auto\` takes **${chosen}**: the fastest that passed its self-test.`,
    [
      '| Backend | State | What it is | Memory | Start and self-test |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n'),
    ...(refused.length > 0
      ? ['## Why not the others', refused.map((b) => `- **${b.name}**: ${b.reason}`).join('\n')]
      : []),
    ...(installed.length > 0 ? ['## Installed', installed.join('\n')] : []),
    '## Machine',
    `${machine.processor}, ${machine.cores} cores, ${gigabytes(machine.memoryBytes)}, ${machine.platform} ${machine.arch}, Node.js ${machine.node}. Native backends are installed in \`${report.folder}\`.`,
    '',
  ].join('\n\n');
}
