import { follow } from '../config/locate';
import { isJsonFile, readTree, type KeyPath, type TextRange } from '../config/tree';

/** The keys that a measured value is shown beside. */
export type HintKey = 'target_modules' | 'r' | 'lora_alpha' | 'rho' | 'beta';

export interface HintPlace {
  readonly key: HintKey;
  /** Where the hint stands. */
  readonly offset: number;
  readonly keyRange: TextRange;
  readonly valueRange: TextRange;
}

const PATHS: Readonly<Record<'config' | 'adapter', readonly KeyPath[]>> = {
  config: [
    ['adapter', 'target_modules'],
    ['adapter', 'r'],
    ['adapter', 'lora_alpha'],
    ['method', 'rho'],
    ['method', 'beta'],
  ],
  // PEFT's adapter_config.json is flat.
  adapter: [['target_modules'], ['r'], ['lora_alpha']],
};

/** Where the keys with measured values are written, in a config or in an `adapter_config.json`. */
export function hintPlaces(
  text: string,
  fileName: string,
  kind: 'config' | 'adapter',
): HintPlace[] {
  const { root } = readTree(text, fileName);
  if (!root) return [];
  return PATHS[kind].flatMap((path): HintPlace[] => {
    const { depth, key: keyRange, node } = follow(root, path);
    if (depth < path.length || !keyRange) return [];
    const valueRange = node.range;
    const offset = hintOffset(text, fileName, { keyRange, valueRange });
    return [{ key: path.at(-1) as HintKey, offset, keyRange, valueRange }];
  });
}

/** The place whose key or value is at an offset. */
export function placeAt(places: readonly HintPlace[], offset: number): HintPlace | undefined {
  const holds = ({ start, end }: TextRange) => start <= offset && offset <= end;
  return places.find(({ keyRange, valueRange }) => holds(keyRange) || holds(valueRange));
}

/** Behind the value and its comma; of a value of several lines, at the end of the key's. */
function hintOffset(
  text: string,
  fileName: string,
  { keyRange, valueRange }: Pick<HintPlace, 'keyRange' | 'valueRange'>,
): number {
  const lineEnd = endOfLine(text, keyRange.end);
  if (valueRange.end > lineEnd) return lineEnd;
  const isComma = isJsonFile(fileName) && text[valueRange.end] === ',';
  return Math.max(keyRange.end, valueRange.end + Number(isComma));
}

function endOfLine(text: string, offset: number): number {
  const found = text.slice(offset).search(/[^\S\n]*(\n|$)/);
  return offset + Math.max(0, found);
}
