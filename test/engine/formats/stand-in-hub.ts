import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export interface SeenRequest {
  readonly server: 'hub' | 'store';
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** A hub on this machine, with its file store at another origin, and switches for what goes wrong. */
export interface StandInHub {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  /** The store cuts the connection after these many bytes, once per entry. */
  readonly cuts: number[];
  /** The store sends other bytes than announced. */
  corrupt: boolean;
  /** Requests to the hub without this token get 401. */
  token: string | undefined;
  close(): Promise<void>;
}

/** Serves `org/tiny`; files over 100 bytes live in the store, as large files do. */
export async function startStandInHub(files: ReadonlyMap<string, Buffer>): Promise<StandInHub> {
  const seen: SeenRequest[] = [];
  const hub = createServer();
  const store = createServer();
  const stand: StandInHub = {
    endpoint: await listen(hub),
    ...{ seen, cuts: [], corrupt: false, token: undefined },
    close: async () => {
      await Promise.all([stop(hub), stop(store)]);
    },
  };
  const storeOrigin = await listen(store);
  hub.on('request', (request, response) => {
    seen.push(note('hub', request));
    if (stand.token !== undefined && request.headers.authorization !== `Bearer ${stand.token}`)
      return response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
    const path = request.url ?? '';
    const listing = /^\/api\/models\/org\/tiny\/revision\/(.+)$/.exec(path);
    if (listing && ['main', 'v1%2Fbeta', COMMIT].includes(listing[1] ?? '')) {
      const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
      return response.end(JSON.stringify({ sha: COMMIT, siblings }));
    }
    const name = path.replace(`/org/tiny/resolve/${COMMIT}/`, '');
    const body = files.get(name);
    if (!body) return response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    if (body.length > 100) {
      return response
        .writeHead(302, {
          location: `${storeOrigin}/${name}`,
          'x-linked-etag': `"${sha256(body)}"`,
          'x-linked-size': body.length,
        })
        .end();
    }
    response.setHeader('etag', `W/"${gitBlob(body)}"`);
    return response.setHeader('content-length', body.length).end(body);
  });
  store.on('request', (request, response) => {
    seen.push(note('store', request));
    const body = files.get((request.url ?? '').slice(1));
    if (body) serve(stand, body, request, response);
    else response.writeHead(404).end();
  });
  return stand;
}

function serve(
  stand: StandInHub,
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = Buffer.from(body.subarray(from));
  if (stand.corrupt) part[0] = (part[0] ?? 0) ^ 1;
  response.setHeader('content-length', part.length);
  if (from > 0) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${from}-${body.length - 1}/${body.length}`);
  }
  const cut = stand.cuts.shift();
  if (cut === undefined) return void response.end(part);
  response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

function note(
  server: 'hub' | 'store',
  { method = '', url = '', headers }: IncomingMessage,
): SeenRequest {
  return { server, method, path: url, authorization: headers.authorization, range: headers.range };
}

export function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

export function gitBlob(body: Buffer): string {
  return createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
