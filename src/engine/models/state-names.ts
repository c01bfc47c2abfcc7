/** First segments of the names in a file of the bare body. */
const BODY_PARTS = ['embeddings', 'encoder', 'pooler'];

export interface StateNameRules {
  /** Prefix of the body in the model's class, e.g. `bert`. */
  readonly prefix: string;
  /** Names (with the prefix) that this model does without. */
  readonly ignored: readonly RegExp[];
}

/**
 * The name of a file's tensor in the model's state dict. Files come from the bare body or from a
 * class with a head, and old ones call a norm's tensors gamma and beta.
 * @returns `undefined` if the tensor is left out on purpose
 */
export function normaliseStateName(fileName: string, rules: StateNameRules): string | undefined {
  const current = fileName
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
  const [first = ''] = current.split('.');
  const name = BODY_PARTS.includes(first) ? `${rules.prefix}.${current}` : current;
  return rules.ignored.some((pattern) => pattern.test(name)) ? undefined : name;
}
