import * as z from 'zod';
import { configSchema } from './config/schema';

/** File and folder names inside a run directory; `docs/run-directory.md` explains each. */
export const RUN_FILES = {
  manifest: 'run.json',
  journal: 'journal.jsonl',
  /** Exists while an engine process owns the run: pid, its start time, socket, token. */
  engine: 'engine.json',
  log: 'log.txt',
  report: 'report.html',
  checkpoints: 'checkpoints',
} as const;

const fileHashSchema = z.object({ path: z.string(), sha256: z.string(), bytes: z.int() });

/** An adapted module. */
export const moduleSchema = z.object({
  path: z
    .string()
    .describe("PEFT's module path, e.g. `bert.encoder.layer.0.attention.self.query`."),
  layer: z.int().nullable().describe('Index of its transformer block, if it is in one.'),
  kind: z.string().describe('Last part of the path, e.g. `query`.'),
  out: z.int(),
  in: z.int(),
  rank: z.int(),
  scaling: z.number().describe('s'),
});
export type ModuleInfo = z.output<typeof moduleSchema>;

/** `run.json`: written once, before the first journal line; enough to repeat the run. */
export const manifestSchema = z.object({
  format: z.literal(1),
  id: z.string().describe('Name of the run directory.'),
  name: z.string(),
  createdAt: z.number().describe('Unix time in milliseconds.'),
  configFile: z.string().describe('Absolute path of the config at the start.'),
  configText: z.string().describe('The config as it was written.'),
  config: configSchema.describe('The config with every default filled in.'),
  versions: z.record(z.string(), z.string()),
  backend: z.object({
    name: z.string(),
    reason: z.string(),
    device: z.string().optional().describe('What it computes on, where not the processor.'),
    refused: z.array(z.object({ name: z.string(), reason: z.string() })),
  }),
  model: z.object({
    architecture: z.string(),
    directory: z.string(),
    files: z.array(fileHashSchema),
  }),
  data: z.object({ files: z.array(fileHashSchema), train: z.int(), eval: z.int() }),
  labels: z.array(z.string()),
  modules: z.array(moduleSchema),
  parameters: z.object({ trainable: z.int(), total: z.int() }),
  totalSteps: z.int(),
});
export type RunManifest = z.output<typeof manifestSchema>;

/** `engine.json`, mode 0600: who runs it and how to reach it. */
export const engineProcessSchema = z.object({
  pid: z.int().describe('Process id.'),
  startedAt: z
    .string()
    .describe('Start time as the platform reports it: with the pid, the identity of the process.'),
  socket: z.string().describe('Unix socket or named pipe.'),
  token: z.string().describe('What a client must say in `hello`.'),
});
export type EngineProcess = z.output<typeof engineProcessSchema>;
