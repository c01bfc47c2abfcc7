/** One line for people; the launcher has made the run's `log.txt` of the standard streams. */
export function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}
