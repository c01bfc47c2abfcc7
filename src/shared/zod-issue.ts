/**
 * What a validator expected, out of its own sentence: `Invalid input: expected number, received
 * string` becomes `number`.
 */
export function expectationOf(issue: { readonly message: string } | undefined): string | undefined {
  return issue?.message
    .replace(/^[A-Z][\w ]*[:.] expected /i, '')
    .replace(/, received .*$/s, '')
    .replaceAll('"|"', '", "')
    .replaceAll("' | '", "', '");
}
