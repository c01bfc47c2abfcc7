import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface StandInWheel {
  readonly name: string;
  readonly version: string;
  readonly requires?: readonly string[];
  /** Text by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** A pip index on this machine, and what was fetched from it. */
export interface WheelIndex {
  readonly url: string;
  /** Paths of wheels that were fetched whole, in order. */
  readonly fetched: string[];
  /** What a wheel's server does, by its name; without an entry it serves it. */
  readonly faults: Map<string, 'missing' | 'changed'>;
}

const MAKE = `
import json, sys, zipfile
for wheel in json.loads(sys.argv[2]):
    name, version = wheel['name'].replace('-', '_'), wheel['version']
    info = f'{name}-{version}.dist-info/'
    lines = ['Metadata-Version: 2.1', 'Name: ' + wheel['name'], 'Version: ' + version, 'Provides-Extra: and-cuda']
    lines += ['Requires-Dist: ' + line for line in wheel.get('requires', [])]
    path = f'{sys.argv[1]}/{name}-{version}-py3-none-any.whl'
    with open(path + '.metadata', 'w') as out: out.write('\\n'.join(lines) + '\\n')
    with zipfile.ZipFile(path, 'w') as archive:
        for path, text in wheel['files'].items(): archive.writestr(path, text)
        archive.writestr(info + 'METADATA', '\\n'.join(lines) + '\\n')
        archive.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        archive.writestr(info + 'RECORD', '')
`;

/** Serves tiny wheels as a package index does (PEP 503 and 658), with the sha256 of each. */
export async function wheelIndex(
  folder: string,
  wheels: readonly StandInWheel[],
): Promise<WheelIndex> {
  execFileSync('python3', ['-c', MAKE, folder, JSON.stringify(wheels)]);
  const fileOf = ({ name, version }: StandInWheel) =>
    `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
  // By the name as pip asks for it.
  const files = new Map(wheels.map((w) => [w.name.replaceAll('_', '-'), fileOf(w)]));
  const fetched: string[] = [];
  const faults: WheelIndex['faults'] = new Map();
  const server = createServer((request, response) => {
    const [, kind, key = ''] = (request.url ?? '').split('/');
    const send = (status: number, body: string | Buffer, type = 'text/html'): void => {
      response.writeHead(status, { 'content-type': type, 'content-length': body.length });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const file = kind === 'simple' ? files.get(key) : undefined;
    if (file !== undefined) {
      const hash = createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
      const link = `href="/wheels/${file}#sha256=${hash}" data-dist-info-metadata="true"`;
      return send(200, `<a ${link}>${file}</a>`);
    }
    if (key.endsWith('.metadata')) return send(200, readFileSync(join(folder, key)));
    const [name] = [...files].find(([, wheel]) => wheel === key) ?? [];
    if (name === undefined || faults.get(name) === 'missing') return send(404, 'none');
    if (request.method === 'GET') fetched.push(name);
    const bytes = readFileSync(join(folder, key));
    if (faults.get(name) === 'changed') bytes[bytes.length - 1] = 1;
    return send(200, bytes, 'application/octet-stream');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
    fetched,
    faults,
  };
}
