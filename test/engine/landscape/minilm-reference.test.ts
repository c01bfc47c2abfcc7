import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTrainableModel, type LoadedModel } from '../../../src/engine/adapters/load-trainable';
import { norm } from '../../../src/engine/algebra/small-matrix';
import type { Batch } from '../../../src/engine/data/batch';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { readPeftAdapter } from '../../../src/engine/formats/peft-adapter';
import { createHessianOperator } from '../../../src/engine/landscape/hessian-operator';
import { LANDSCAPE } from '../../../src/engine/landscape/registry';
import { meanAndError } from '../../../src/engine/landscape/sample-statistics';
import type { InspectionTask } from '../../../src/shared/inspection/request';
import { SPACE_NAMES } from '../../../src/shared/inspection/spaces';
import { measureCase } from '../../support/landscape-case';
import { readBatch } from '../../support/reference-model';
import { inCoordinates, referenceTensors } from '../../support/space-vectors';
import { fastestTested } from '../../support/tested-backends';

/** What issue 5 asks for, against PyTorch in float64. */
const HVP = 1e-4;

/**
 * Of differences. Raw: measured 8e-5. In the wider spaces a random vector of 10⁶ coordinates has little
 * curvature beside the size of the gradient, which is what rounds: measured 1.7e-4 to 2.2e-4.
 */
const DIFFERENCE = 4e-4;
const LAMBDA = 1e-3;

const python = process.env['FLATSCAPE_REFERENCE_PYTHON'];
const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const root = process.env['FLATSCAPE_CACHE'] ?? join(cache, 'flatscape');

/** Published weights, where the sample has been prepared; else random ones of the same size. */
const published = join(root, 'samples/spam/model');

describe.skipIf(python === undefined)('MiniLM with LoRA, as PyTorch has it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flatscape-minilm-'));
  let loaded: LoadedModel;
  let batch: Batch;
  let tensors: Awaited<ReturnType<typeof referenceTensors>>;
  let facts: { weights: string; eigenvalue: number; trace: number[] };

  const caseOf = (task: Pick<InspectionTask, 'measure' | 'space'> & Partial<InspectionTask>) =>
    measureCase({
      ...{ model: loaded.model, parameters: loaded.initial, batches: [batch] },
      task: { hvp: 'exact', ...task },
    });

  beforeAll(async () => {
    await fastestTested();
    const script = 'test/reference/landscape/minilm_case.py';
    const source = existsSync(join(published, 'model.safetensors')) ? [published] : [];
    execFileSync(python ?? '', ['-W', 'ignore', script, folder, ...source], { stdio: 'ignore' });
    facts = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as typeof facts;
    tensors = await referenceTensors(join(folder, 'expected.safetensors'));
    batch = readBatch(join(folder, 'batch.json'));
    const directory = await openModelDirectory(join(folder, 'model'));
    const initFrom = await readPeftAdapter(join(folder, 'adapter'));
    const options = { head: 'classification', labels: ['a', 'b'], seed: 0, initFrom } as const;
    loaded = await loadTrainableModel({ directory, ...options });
    await directory.close();
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(SPACE_NAMES)(
    'has our Hessian products of %s',
    async (space) => {
      const context = await caseOf({ measure: 'hessian-top', space });
      const vectors = inCoordinates(context.coordinates, loaded, tensors, space);
      const [v, expected] = [await vectors('vector'), await vectors('hvp')];
      for (const [hvp, tolerance] of [
        ['exact', HVP],
        ['difference', DIFFERENCE],
      ] as const) {
        const operator = createHessianOperator(context, hvp);
        const product = await operator.apply(v);
        const error = norm(product.map((x, i) => x - (expected[i] as number))) / norm(expected);
        expect(error).toBeLessThan(tolerance);
      }
      context.coordinates.dispose();
    },
    120_000,
  );

  it('has PyHessian’s largest eigenvalue', async () => {
    const task = { space: 'trainable', steps: 60, tolerance: 1e-4 } as const;
    const { result } = await LANDSCAPE['hessian-top'].measure(
      await caseOf({ measure: 'hessian-top', ...task }),
    );
    const values = result.kind === 'eigenvalues' ? result.values : [];
    const largest = Math.max(...values.map(Math.abs)) * Math.sign(facts.eigenvalue);
    expect(values).toContain(largest);
    expect(Math.abs(largest / facts.eigenvalue - 1)).toBeLessThan(LAMBDA);
  }, 300_000);

  it('has PyHessian’s trace, within three standard errors of both', async () => {
    const task = { space: 'trainable', probes: 24, seed: 1 } as const;
    const { result } = await LANDSCAPE['hessian-trace'].measure(
      await caseOf({ measure: 'hessian-trace', ...task }),
    );
    const theirs = meanAndError(facts.trace);
    const { value, standardError = NaN } =
      result.kind === 'scalar' ? result : { value: NaN, standardError: NaN };
    expect(Math.abs(value - theirs.mean)).toBeLessThan(
      3 * Math.hypot(standardError, theirs.standardError),
    );
  }, 300_000);
});
