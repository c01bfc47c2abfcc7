/** One line for people; the launcher has made the run's `log.txt` of the standard streams. */
process.stderr.on('error', () => undefined); // a full disk: the run must still end in order

export function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}
