/** What the exit code of the engine and of `flatscape` means. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: 'done' },
  internal: { code: 1, meaning: 'internal error, a bug of ours' },
  usage: { code: 2, meaning: 'wrong usage, config, model or data: nothing was started' },
  failed: { code: 3, meaning: 'the run failed; its directory says why' },
  stopped: { code: 4, meaning: 'the run was stopped or interrupted and can be resumed' },
} as const;

/** Exit code of a run by how it ended. */
export function exitCodeOf(
  status: 'completed' | 'stopped' | 'failed' | 'interrupted' | 'running',
): number {
  if (status === 'completed' || status === 'running') return EXIT_CODES.ok.code;
  return status === 'failed' ? EXIT_CODES.failed.code : EXIT_CODES.stopped.code;
}
