import type { InspectionEvent, InspectionEventBody } from '../../src/shared/inspection/events';
import type { InspectionManifest } from '../../src/shared/inspection/manifest';
import {
  inspectionRequestSchema,
  type InspectionRequestInput,
} from '../../src/shared/inspection/request';
import type { ModuleInfo } from '../../src/shared/run-manifest';

export interface SyntheticInspectionOptions {
  readonly modules: readonly ModuleInfo[];
  readonly subject: InspectionRequestInput['subject'];
  /** Of every event. */
  readonly time: number;
  readonly step?: number;
  /** Folder of the inspected adapter. */
  readonly adapter?: string;
  /** Whether the journal says that it is complete; it is, without this. */
  readonly ended?: boolean;
}

/** Two radii; the second one's values are a hundred times as large. */
const RHO = [0.1, 0.2];

/** `inspection.json` of SAM sharpness in the raw space, module by module and together. */
export function syntheticInspection(options: SyntheticInspectionOptions): InspectionManifest {
  const { modules, subject, time, step, adapter = '/runs/one/checkpoints/step-300' } = options;
  return {
    format: 1,
    id: 'sam-20270101-000000',
    createdAt: time,
    request: inspectionRequestSchema.parse({
      subject,
      data: { seed: 7 },
      tasks: [
        { measure: 'sam', scope: 'modules', space: 'raw', rho: RHO },
        { measure: 'sam', scope: 'all', space: 'raw', rho: RHO },
      ],
    }),
    title: 'an inspected adapter',
    versions: { flatscape: '0.1.0' },
    backend: { name: 'wasm', reason: 'fastest that passed its self-test' },
    model: { architecture: 'BertForSequenceClassification', directory: '/models/tiny-bert' },
    adapter: { directory: adapter, sha256: 'a'.repeat(64) },
    ...(step !== undefined && { step }),
    data: { file: '/data/train.jsonl', sha256: 'b'.repeat(64), examples: 64, length: 32 },
    modules: [...modules],
    estimate: { gradients: modules.length + 1, forwards: modules.length + 1 },
  };
}

/** Its journal: the i-th module has sharpness i, all together 0.5, at the first radius. */
export function syntheticInspectionEvents({
  modules,
  time,
  ended = true,
}: SyntheticInspectionOptions): InspectionEvent[] {
  const results = (task: number, scope: string, value: number): InspectionEventBody[] =>
    RHO.map((rho, i) => ({
      ...{ type: 'result', task, scope, rho, elapsedMs: 10 },
      result: { kind: 'scalar', value: value * 100 ** i },
    }));
  const bodies: InspectionEventBody[] = [
    { type: 'started', units: RHO.length * (modules.length + 1), resumed: false },
    ...modules.flatMap(({ path }, i) => results(0, path, i)),
    ...results(1, 'all', 0.5),
    ...(ended ? [{ type: 'ended', status: 'completed' } as const] : []),
  ];
  return bodies.map((body, seq) => ({ ...body, seq, time }));
}
