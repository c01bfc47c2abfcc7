import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openControl } from '../../../src/client/control-client';
import { startControlServer, type ControlServer } from '../../../src/engine/runs/control-server';
import { Journal } from '../../../src/engine/runs/journal';
import { createRunDirectory, ownRun, type OwnedRun } from '../../../src/engine/runs/run-directory';
import { RUN_EVENTS, type RunEvent } from '../../../src/shared/events';
import { scratchFolder } from './support/scratch';

const folder = await scratchFolder();
let owned: OwnedRun;
let journal: Journal;
let server: ControlServer;
let asked: string[];

beforeEach(async () => {
  owned = await ownRun(await createRunDirectory(folder, 'run'));
  journal = await Journal.open(join(owned.directory, 'journal.jsonl'));
  asked = [];
  server = await startControlServer({
    engine: owned.engine,
    journal,
    onRequest: (action) => asked.push(action),
    log: () => undefined,
  });
});
afterEach(async () => {
  await server.close(50);
  journal.close();
  await owned.release();
});

const warn = (message: string) => journal.append({ type: 'warning', code: 'test', message });

async function client(since = 0, engine = owned.engine) {
  const events: RunEvent[] = [];
  let closed = false;
  const control = await openControl({
    engine,
    codec: RUN_EVENTS,
    since,
    onEvent: (event) => events.push(event),
    onClose: () => (closed = true),
  });
  await control.joined;
  return { ...control, events, isClosed: () => closed };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(5);
  expect(condition()).toBe(true);
}

/** Writes lines to the socket without any protocol and collects what comes back until it closes. */
async function raw(...lines: string[]): Promise<string> {
  const socket = connect(owned.engine.socket);
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  for (const line of lines) socket.write(`${line}\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('control socket', () => {
  it.each([0, 1, 57, 100])(
    'replays from %i and goes on live, without gap or double',
    async (since) => {
      for (let i = 0; i < 100; i++) warn(`old ${i}`);
      const joining = client(since);
      // Written while the client joins: these fall between replay and live.
      for (let i = 100; i < 400; i++) {
        warn(`new ${i}`);
        if (i % 10 === 0) await new Promise(setImmediate);
      }
      const { events, close } = await joining;
      await until(() => events.length >= 400 - since);
      expect(events.map((e) => e.seq)).toEqual(
        Array.from({ length: 400 - since }, (_, i) => since + i),
      );
      close();
    },
  );

  it('passes requests on', async () => {
    const { request, close } = await client();
    for (const action of ['stop', 'checkpoint', 'probe', 'ping'] as const) await request(action);
    expect(asked).toEqual(['stop', 'checkpoint', 'probe']);
    close();
  });

  it('refuses a wrong token and says nothing of the journal', async () => {
    warn('secret');
    await expect(client(0, { ...owned.engine, token: 'guess' })).rejects.toMatchObject({
      code: 'not-authorized',
    });
    const answer = await raw('{"id":1,"type":"stop"}');
    expect(answer).toContain('not-authorized');
    expect(answer).not.toContain('secret');
    expect(asked).toEqual([]);
  });

  it.each(['', '{', 'null', '{"id":1}', '{"id":1,"type":"hello"}', `"${'x'.repeat(70_000)}"`])(
    'closes on a line that is no request: %.20s',
    async (line) => {
      await raw(line);
      const { request, close } = await client();
      await request('ping');
      close();
    },
  );

  it('refuses a position beyond the journal', async () => {
    warn('one');
    await expect(client(2)).rejects.toMatchObject({ code: 'bad-request' });
  });

  it('1,000 steps with a client that never reads: no wait, no growth, others are served', async () => {
    const dead = connect(owned.engine.socket);
    dead.pause();
    const hello = { id: 1, type: 'hello', token: owned.engine.token, since: 0 };
    dead.write(`${JSON.stringify(hello)}\n`);
    const reader = await client();
    const row = Array.from({ length: 200 }, (_, i) => i / 7);
    const step = (n: number) =>
      journal.append({
        ...{ type: 'step', step: n, epoch: 0, loss: 1, lr: 1, rho: 0, gradientNorm: 1 },
        ...{ clipped: false, degenerate: 0, elapsedMs: 1 },
        layers: { normA: row, normB: row, kappaA: row, kappaB: row },
      });
    for (let n = 1; n <= 100; n++) step(n);
    await until(() => reader.events.length === 100);
    const before = memory();
    let slowest = 0;
    for (let n = 101; n <= 1100; n++) {
      const started = performance.now();
      step(n);
      slowest = Math.max(slowest, performance.now() - started);
      reader.events.length = 0;
      await new Promise(setImmediate);
    }
    await until(() => reader.events.at(-1)?.seq === 1099);
    const written = journal.bytes;
    const grown = memory() - before;
    expect(written).toBeGreaterThan(12_000_000);
    expect(grown).toBeLessThan(2_000_000);
    expect(slowest).toBeLessThan(500);
    dead.destroy();
    reader.close();
  });

  it('a client that asks and never reads is dropped', async () => {
    const dead = connect(owned.engine.socket);
    dead.on('error', () => undefined);
    dead.pause();
    const hello = { id: 1, type: 'hello', token: owned.engine.token, since: 0 };
    dead.write(`${JSON.stringify(hello)}\n`);
    const pings = Array.from({ length: 2000 }, () => '{"id":2,"type":"ping"}\n').join('');
    for (let i = 0; i < 100 && dead.writable && !dead.destroyed; i++) {
      dead.write(pings);
      await sleep(5);
    }
    dead.resume();
    await until(() => dead.destroyed);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
