import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ReaderSource } from '../../shared/checkpoint/reader-messages';
import { UserError } from '../../shared/errors';
import { formatBytes } from '../headline';

/** Largest file that is read whole, where nothing else is possible. */
export const WHOLE_FILE_BYTES = 64e6;

/**
 * How a file is to be read: by path and in parts on the machine that VS Code works on; whole, and
 * only if it is small, on a virtual file system, whose interface knows nothing else.
 * @throws UserError `file-not-found`, `virtual-file-too-large`, `virtual-index`
 */
export async function readerSource(uri: vscode.Uri): Promise<ReaderSource> {
  if (uri.scheme === 'file') return { kind: 'path', path: uri.fsPath };
  if (uri.path.endsWith('.index.json')) throw virtualIndex(uri);
  const { size } = await stat(uri);
  if (size > WHOLE_FILE_BYTES) throw tooLarge(uri, size);
  const config = vscode.Uri.joinPath(uri, '..', 'adapter_config.json');
  const adapterConfig = await readIfThere(config);
  return {
    kind: 'bytes',
    name: uri.toString(true),
    // A fresh copy: what a file system hands out may be a Node buffer over a shared pool.
    bytes: new Uint8Array(await vscode.workspace.fs.readFile(uri)),
    ...(adapterConfig !== undefined && { adapterConfig }),
  };
}

async function stat(uri: vscode.Uri): Promise<vscode.FileStat> {
  try {
    return await vscode.workspace.fs.stat(uri);
  } catch (error) {
    throw new UserError(
      {
        code: 'file-not-found',
        message: 'no such file',
        place: { file: uri.toString(true) },
        remedy: 'Check that its folder is still open.',
      },
      { cause: error },
    );
  }
}

async function readIfThere(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return undefined;
    throw error;
  }
}

function tooLarge(uri: vscode.Uri, size: number): UserError {
  return new UserError({
    code: 'virtual-file-too-large',
    message: `files of a virtual file system (${uri.scheme}) can only be read whole, and this one is too large for that`,
    place: { file: path.posix.basename(uri.path) },
    expected: `at most ${formatBytes(WHOLE_FILE_BYTES)}`,
    found: formatBytes(size),
    remedy: 'Open a copy of the file on this machine, or open its folder over VS Code Remote.',
  });
}

function virtualIndex(uri: vscode.Uri): UserError {
  return new UserError({
    code: 'virtual-index',
    message: `the shards of an index are not gathered on a virtual file system (${uri.scheme})`,
    place: { file: path.posix.basename(uri.path) },
    remedy: 'Open its .safetensors files one by one, or a copy of the folder on this machine.',
  });
}
