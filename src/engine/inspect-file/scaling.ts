import type { LoraPair, Problem } from '../../shared/checkpoint/contents';
import type { UnscaledPair } from '../../shared/checkpoint/pairs';
import { isUserError, UserError } from '../../shared/errors';
import { parseScaleFields, scaleOf, type ScaleFields } from '../formats/peft-config';

/** A parsed `adapter_config.json`, as far as it is one. */
export interface ConfigBeside {
  readonly file: string;
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Gives every pair its s. An editor shows what it can: without a configuration that says more, s is
 * 1, and the note of the pair says why.
 * @param config the `adapter_config.json` beside the file; undefined if there is none
 */
export function scalePairs(
  pairs: readonly UnscaledPair[],
  config: ConfigBeside | undefined,
): { pairs: LoraPair[]; problems: Problem[] } {
  const one = (why: string) => pairs.map((pair) => ({ ...pair, scale: 1, scaleNote: why }));
  if (!config) return { pairs: one('s = 1: no adapter_config.json beside the file'), problems: [] };
  try {
    const fields = parseScaleFields(config.raw, config.file);
    const problems: Problem[] = [];
    const scaled = pairs.map((pair) => scaled1(pair, fields, { config, problems }));
    return { pairs: scaled, problems: few(problems) };
  } catch (error) {
    if (!isUserError(error)) throw error;
    return {
      pairs: one('s = 1: adapter_config.json does not say'),
      problems: [{ ...error.toJSON() }],
    };
  }
}

function scaled1(
  pair: UnscaledPair,
  fields: ScaleFields,
  { config, problems }: { config: ConfigBeside; problems: Problem[] },
): LoraPair {
  const { raw, file } = config;
  const { r, loraAlpha, scale } = scaleOf(fields, pair.module);
  const formula = fields.use_rslora ? 'α/√r, rsLoRA' : 'α/r';
  const notes = [`s = ${formula} with α ${loraAlpha} and r ${r} of adapter_config.json`];
  if (r !== pair.rank) problems.push(otherRank(file, pair, r));
  if (raw['use_dora'] === true) notes.push('DoRA: ΔW here is s B A, before the magnitude');
  if (raw['peft_type'] !== 'LORA')
    notes.push(`peft_type is ${String(raw['peft_type'])}: ΔW may be more than s B A`);
  return { ...pair, scale, scaleNote: notes.join('; ') };
}

function otherRank(file: string, { module, rank }: UnscaledPair, r: number): Problem {
  return new UserError({
    code: 'adapter-rank-differs',
    message: 'the rank of the tensors is not that of the configuration, so s may be wrong',
    place: { file, at: module },
    expected: `r ${r}`,
    found: `r ${rank}`,
    remedy: 'Check that configuration and weights were saved together.',
  }).toJSON() as Problem;
}

/** The first of many that say the same. */
function few(problems: readonly Problem[]): Problem[] {
  const [first] = problems;
  if (!first || problems.length === 1) return [...problems];
  const { at } = first.place ?? {};
  return [
    { ...first, place: { ...first.place, at: `${at} and ${problems.length - 1} other modules` } },
  ];
}
