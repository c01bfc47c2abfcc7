import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { readPeftAdapter, writePeftAdapter } from '../../../src/engine/formats/peft-adapter';
import { arrangeAdapter } from '../../../src/engine/formats/peft-arrange';
import { parseAdapterConfig } from '../../../src/engine/formats/peft-config';
import { resolveTargets, type ModelModule } from '../../../src/engine/formats/peft-targets';
import { writeSafetensors } from '../../../src/engine/formats/safetensors-write';

const FIXTURES = join(__dirname, '../../reference/fixtures');

/** The modules of a fixture, from its tensors: two-dimensional weights are linear or embeddings. */
async function modulesOf(name: string): Promise<ModelModule[]> {
  const model = await openModelDirectory(join(FIXTURES, name, 'model'));
  const modules = model
    .names()
    .filter((tensor) => tensor.endsWith('.weight'))
    .map((tensor): ModelModule => {
      const path = tensor.slice(0, -'.weight'.length);
      if (/embeddings\.\w+_embeddings$/.test(path)) return { path, kind: 'embedding' };
      return { path, kind: model.shape(tensor).length === 2 ? 'linear' : 'other' };
    });
  await model.close();
  // The tied output embedding is a module without a tensor of its own.
  const output: Record<string, string> = {
    'bert-mlm': 'cls.predictions.decoder',
    'roberta-mlm': 'lm_head.decoder',
  };
  const tied = output[name];
  return tied ? [...modules, { path: tied, kind: 'linear', isOutput: true }] : modules;
}

interface TargetCases {
  r: number;
  lora_alpha: number;
  cases: {
    model: string;
    config: Record<string, unknown>;
    error: string | null;
    modules: Record<string, { r: number; lora_alpha: number; scaling: number }>;
  }[];
}
const targetCases = JSON.parse(
  await readFile(join(FIXTURES, 'peft-targets.json'), 'utf8'),
) as TargetCases;

describe('targets', () => {
  it.each(targetCases.cases.map((row) => [row.model, JSON.stringify(row.config), row] as const))(
    'of %s are those of PEFT: %s',
    async (model, _, row) => {
      const { r, lora_alpha } = targetCases;
      const config = parseAdapterConfig(
        {
          peft_type: 'LORA',
          ...{ r, lora_alpha },
          task_type: model.endsWith('-cls') ? 'SEQ_CLS' : null,
          ...row.config,
        },
        'adapter_config.json',
      );
      const modules = await modulesOf(model);
      const resolve = (): unknown =>
        Object.fromEntries(
          resolveTargets({ modules, config, modelType: model.split('-')[0] ?? '' }).map(
            (target) => [
              target.path,
              { r: target.r, lora_alpha: target.loraAlpha, scaling: target.scale },
            ],
          ),
        );
      if (row.error === null) expect(resolve()).toEqual(row.modules);
      else
        expect(resolve).toThrowError(
          expect.objectContaining({ code: 'adapter-no-target' }) as Error,
        );
    },
  );

  const modules: ModelModule[] = [
    { path: 'h.0.attn.c_attn', kind: 'conv1d' },
    { path: 'h.0.ln_1', kind: 'other' },
  ];
  const config = (fields: Record<string, unknown>): ReturnType<typeof parseAdapterConfig> =>
    parseAdapterConfig({ peft_type: 'LORA', ...fields }, 'adapter_config.json');

  it('in a layer are chosen by the first number of the path, as for experts', () => {
    const expert = (layer: number, index: number): ModelModule => ({
      path: `model.layers.${layer}.mlp.experts.${index}.up`,
      kind: 'linear',
    });
    const experts = [expert(0, 1), expert(1, 0), expert(1, 1)];
    for (const layers_pattern of [null, 'layers']) {
      const chosen = resolveTargets({
        modules: experts,
        config: config({ target_modules: ['up'], layers_to_transform: [1], layers_pattern }),
      });
      expect(chosen.map(({ path }) => path)).toEqual([experts[1]?.path, experts[2]?.path]);
    }
  });

  it('that match nothing give an error with the names there are', () => {
    expect(() =>
      resolveTargets({ modules, config: config({ target_modules: ['q_proj'] }) }),
    ).toThrowError(
      expect.objectContaining({
        code: 'adapter-no-target',
        expected: 'names such as c_attn (for instance h.0.attn.c_attn)',
        found: '["q_proj"]',
      }) as Error,
    );
  });

  it('that cannot be adapted give an error with the module', () => {
    expect(() =>
      resolveTargets({ modules, config: config({ target_modules: ['ln_1'] }) }),
    ).toThrowError(expect.objectContaining({ code: 'adapter-target-kind' }) as Error);
  });
});

describe('a configuration', () => {
  const parse = (fields: Record<string, unknown>): unknown =>
    parseAdapterConfig({ peft_type: 'LORA', ...fields }, 'adapter_config.json');

  it.each([
    ['another method', { peft_type: 'IA3' }, 'peft_type'],
    ['PiSSA', { init_lora_weights: 'pissa_niter_4' }, 'init_lora_weights'],
    ['an initialisation we do not know', { init_lora_weights: 'mica' }, 'init_lora_weights'],
    ['trainable tokens', { trainable_token_indices: [3] }, 'trainable_token_indices'],
    ['layer replication', { layer_replication: [[0, 4]] }, 'layer_replication'],
    ['a field we do not know', { some_new_method: { rank: 3 } }, 'some_new_method'],
    ['QALoRA', { use_qalora: true }, 'use_qalora'],
  ])('is refused with %s, at the field', (_, fields, at) => {
    expect(() => parse(fields)).toThrowError(
      expect.objectContaining({
        code: 'adapter-unsupported',
        place: { file: 'adapter_config.json', at },
      }) as Error,
    );
  });

  it.each([
    ['a rank that is no number', { r: '8' }],
    ['rank 0', { r: 0 }],
    ['layers with a regular expression', { target_modules: '.*q', layers_to_transform: [1] }],
    ['a pattern without layers', { target_modules: ['q'], layers_pattern: 'h' }],
    ['DoRA with a LoRA bias', { use_dora: true, lora_bias: true }],
  ])('is refused as wrong: %s', (_, fields) => {
    expect(() => parse(fields)).toThrowError(
      expect.objectContaining({ code: 'adapter-config-invalid' }) as Error,
    );
  });

  it.each([null, false, {}, [], ''])('may hold an unknown field that is %j', (value) => {
    expect(() => parse({ some_new_method: value, loftq_config: value })).not.toThrow();
  });
});

describe('an adapter of PEFT', () => {
  it.each(['bert-cls', 'bert-cls-all-linear', 'roberta-cls', 'bert-mlm', 'roberta-mlm'])(
    '%s is read whole',
    async (name) => {
      const adapter = await readPeftAdapter(join(FIXTURES, name, 'adapter'));
      const modules = await modulesOf(name.replace('-all-linear', ''));
      const { lora, saved, biases } = arrangeAdapter({ adapter, modules });
      expect(lora.size * 2 + saved.size + biases.size).toBe(adapter.tensors.size);
      expect(saved.size > 0).toBe(name.includes('-cls'));
      for (const { loraA, loraB, target } of lora.values()) {
        expect(loraA.shape[0]).toBe(target.r);
        expect(loraB.shape[1]).toBe(target.r);
      }
    },
  );
});

describe('an adapter on disk', () => {
  let dir: string;
  let modules: ModelModule[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'adapter-'));
    await cp(join(FIXTURES, 'bert-cls', 'adapter'), dir, { recursive: true });
    modules = await modulesOf('bert-cls');
  });
  afterEach(() => rm(dir, { recursive: true }));

  /** Writes the adapter again with other keys. */
  async function rekey(change: (key: string) => string | undefined): Promise<void> {
    const { tensors } = await readPeftAdapter(dir);
    const changed = [...tensors].flatMap(([key, { shape, values }]) => {
      const name = change(key);
      return name === undefined ? [] : [{ name, shape, values }];
    });
    await writeSafetensors(join(dir, 'adapter_model.safetensors'), changed);
  }
  const arrange = async (): Promise<unknown> =>
    arrangeAdapter({ adapter: await readPeftAdapter(dir), modules });

  it.each<[string, (key: string) => string | undefined, string]>([
    [
      'lacks a B',
      (k) => (k.includes('layer.1.attention.self.value.lora_B') ? undefined : k),
      'adapter-key-missing',
    ],
    ['lacks its head', (k) => (k.includes('classifier') ? undefined : k), 'adapter-key-missing'],
    [
      'has a module that is no target',
      (k) => k.replace('layer.0.attention.self.query', 'layer.0.attention.self.key'),
      'adapter-key-missing',
    ],
    [
      'has a key of no use',
      (k) => k.replace('classifier.bias', 'classifierX.bias'),
      'adapter-key-unexpected',
    ],
    [
      'has a key without the prefix',
      (k) => k.replace('base_model.model.', ''),
      'adapter-key-unexpected',
    ],
    [
      'has a bias it did not train',
      (k) => k.replace('classifier.bias', 'bert.pooler.dense.bias'),
      'adapter-key-unexpected',
    ],
  ])('is refused when it %s', async (_, change, code) => {
    await rekey(change);
    await expect(arrange()).rejects.toMatchObject({ code });
  });

  it('is refused when its rank is not that of the configuration', async () => {
    const file = join(dir, 'adapter_config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...config, rank_pattern: { value: 2 } }));
    await expect(arrange()).rejects.toMatchObject({ code: 'adapter-shape' });
  });

  it('is refused as pickle, with advice', async () => {
    await rm(join(dir, 'adapter_model.safetensors'));
    await writeFile(join(dir, 'adapter_model.bin'), '');
    await expect(readPeftAdapter(dir)).rejects.toMatchObject({
      code: 'model-pickle',
      remedy: expect.stringContaining('safetensors') as string,
    });
  });

  it('is written as PEFT writes it: the same configuration, and weights byte for byte', async () => {
    const { config, tensors } = await readPeftAdapter(dir);
    const out = join(dir, 'copy');
    await writePeftAdapter(out, {
      config,
      tensors: [...tensors].map(([name, tensor]) => ({ name, ...tensor })),
      card: 'A test.',
    });
    const json = async (folder: string): Promise<string> =>
      readFile(join(folder, 'adapter_config.json'), 'utf8');
    const [ours, theirs] = [await json(out), await json(dir)];
    // Python prints a whole float as 0.0, JavaScript as 0.
    expect(ours).toBe(theirs.trimEnd().replace('"lora_dropout": 0.0', '"lora_dropout": 0'));
    const weights = async (folder: string): Promise<Buffer> =>
      readFile(join(folder, 'adapter_model.safetensors'));
    expect((await weights(out)).equals(await weights(dir))).toBe(true);
    expect((await readdir(out)).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    expect(await readFile(join(out, 'README.md'), 'utf8')).toMatch(
      /^---\nbase_model: flatscape\/tiny-bert-cls\nlibrary_name: peft\n/,
    );
  });
});

it('an old Qwen-VL adapter is mapped to the modules of the language tower', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'adapter-'));
  const path = 'model.layers.0.self_attn.q_proj';
  await writePeftAdapter(dir, {
    config: { r: 1, lora_alpha: 1, target_modules: ['q_proj'], task_type: null },
    tensors: [
      {
        name: `base_model.model.${path}.lora_A.weight`,
        shape: [1, 2],
        values: new Float32Array(2),
      },
      {
        name: `base_model.model.${path}.lora_B.weight`,
        shape: [3, 1],
        values: new Float32Array(3),
      },
    ],
    card: '',
  });
  const modules = [
    { path: 'model.language_model.layers.0.self_attn.q_proj', kind: 'linear' },
  ] as const;
  const { lora } = arrangeAdapter({ adapter: await readPeftAdapter(dir), modules });
  expect([...lora.keys()]).toEqual([modules[0].path]);
  await rm(dir, { recursive: true });
});
