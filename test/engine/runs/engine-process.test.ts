import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { launchRun } from '../../../src/client/launch';
import { liveEngine } from '../../../src/client/process-identity';
import { connectRun } from '../../../src/client/run-connection';
import { deleteRun, openRun } from '../../../src/client/run-store';
import { bundleFakeEngine, scratchFolder, writeConfig } from './support/scratch';

const folder = await scratchFolder();
const engineScript = await bundleFakeEngine(folder);
const STEPS = 'train:\n  steps: 30\ncheckpoint:\n  every: 4\nprobe:\n  every: 0\n';

afterEach(() => {
  delete process.env['FAKE_STEP_MS'];
});

async function launch(name: string, stepMs: number, resume?: string): Promise<string> {
  process.env['FAKE_STEP_MS'] = String(stepMs);
  const configFile = await writeConfig(folder, name, STEPS);
  return launchRun({ engineScript, configFile, ...(resume !== undefined && { resume }) });
}

async function reached(directory: string, step: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (((await openRun(directory)).steps.step.at(-1) ?? 0) >= step) return;
    await sleep(10);
  }
  throw new Error(`step ${step} was not reached`);
}

async function gone(directory: string): Promise<void> {
  for (let i = 0; i < 500 && (await liveEngine(directory)); i++) await sleep(10);
}

describe('a detached engine', () => {
  it('killed in the middle, it shows as interrupted, and its resumption equals the whole run', async () => {
    const whole = await launch('whole', 0);
    await gone(whole);
    const cut = await launch('cut', 20);
    await reached(cut, 10);
    const engine = await liveEngine(cut);
    await expect(deleteRun(cut)).rejects.toMatchObject({ code: 'run-in-use' });
    process.kill(engine?.pid ?? 0, 'SIGKILL');
    await gone(cut);
    expect((await openRun(cut)).status).toBe('interrupted');

    expect(await launch('cut', 0, cut)).toBe(cut);
    await gone(cut);
    const [a, b] = [await openRun(whole), await openRun(cut)];
    expect(b.status).toBe('completed');
    expect(b.steps.loss).toEqual(a.steps.loss);
    const adapter = join('checkpoints', 'step-30', 'adapter_model.safetensors');
    expect(await readFile(join(cut, adapter))).toEqual(await readFile(join(whole, adapter)));
    await deleteRun(cut);
    expect(await readdir(join(folder, 'runs'))).not.toContain(cut.slice(cut.lastIndexOf('/') + 1));
  });

  it('outlives its launcher, and SIGTERM stops it with a checkpoint', async () => {
    const directory = await launch('stopped', 20);
    const connection = await connectRun(directory);
    expect(connection.state).toBe('live');
    await reached(directory, 3);
    process.kill((await liveEngine(directory))?.pid ?? 0, 'SIGTERM');
    await gone(directory);
    await sleep(200);
    expect(connection.state).toBe('ended');
    expect(connection.model.status).toBe('stopped');
    expect(connection.model.checkpoints.at(-1)?.step).toBe(connection.model.steps.step.at(-1));
    expect(await readFile(join(directory, 'log.txt'), 'utf8')).toContain('SIGTERM');
    connection.close();
  });

  it('a client asks it to stop, and hears of its end', async () => {
    const directory = await launch('asked', 20);
    const connection = await connectRun(directory);
    const ended = new Promise((resolve) => connection.onState(resolve));
    await connection.request('stop');
    expect(await ended).toBe('ended');
    expect((await openRun(directory)).status).toBe('stopped');
    await expect(
      connection.request('stop').catch((e: unknown) => Promise.reject(e)),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/run-not-live|engine-unreachable/),
    });
    connection.close();
  });

  it('a client notices that its engine was killed', async () => {
    const directory = await launch('killed', 20);
    const connection = await connectRun(directory);
    const state = new Promise((resolve) => connection.onState(resolve));
    process.kill((await liveEngine(directory))?.pid ?? 0, 'SIGKILL');
    expect(await state).toBe('interrupted');
    connection.close();
  });

  it("launching rejects with the child's own error and leaves nothing behind", async () => {
    const configFile = await writeConfig(folder, 'bad', 'train:\n  steps: none\n');
    const before = await readdir(join(folder, 'runs'));
    await expect(launchRun({ engineScript, configFile })).rejects.toMatchObject({
      code: 'config-invalid',
      place: { line: 8, at: 'train.steps' },
    });
    const good = await writeConfig(folder, 'good', STEPS);
    await expect(
      launchRun({ engineScript: join(folder, 'absent.cjs'), configFile: good }),
    ).rejects.toMatchObject({ code: 'engine-start-failed' });
    await expect(
      launchRun({ engineScript, configFile: good, nodePath: join(folder, 'no-node') }),
    ).rejects.toMatchObject({ code: 'engine-start-failed' });
    await expect(
      launchRun({ engineScript, configFile: good, resume: join(folder, 'no-run') }),
    ).rejects.toMatchObject({ code: 'run-not-found' });
    expect(await readdir(join(folder, 'runs'))).toEqual(before);
  });

  it('an aborted launch ends its child', async () => {
    const abort = new AbortController();
    const configFile = await writeConfig(folder, 'aborted', STEPS);
    const launching = launchRun({ engineScript, configFile, signal: abort.signal });
    abort.abort(new Error('never mind'));
    await expect(launching).rejects.toThrow('never mind');
  });

  it('an error out of nowhere ends the run as failed, in the journal too', async () => {
    process.env['FAKE_CRASH_MS'] = '700';
    const directory = await launch('crashed', 100).finally(() => {
      delete process.env['FAKE_CRASH_MS'];
    });
    await gone(directory);
    const model = await openRun(directory);
    expect(model.status).toBe('failed');
    expect(model.error).toMatchObject({ code: 'internal-error' });
    expect(await readFile(join(directory, 'log.txt'), 'utf8')).toContain('out of the blue');
  });

  it('answers with an exit code', async () => {
    const run = async (env: Record<string, string>, ...args: string[]) => {
      const child = spawn(process.execPath, [engineScript, ...args], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      return (await once(child, 'exit'))[0] as number;
    };
    const config = await writeConfig(folder, 'codes', STEPS);
    expect(await run({}, 'run', config)).toBe(0);
    expect(await run({ FAKE_NAN_AT: '3' }, 'run', config)).toBe(3);
    expect(await run({}, 'run', join(folder, 'absent.yaml'))).toBe(2);
  });
});
