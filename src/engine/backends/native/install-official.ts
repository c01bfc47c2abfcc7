import { join } from 'node:path';
import {
  megabytes,
  toolEnvironment,
  tooling,
  type InstallJob,
  type SourceInstall,
} from './install-job';
import { runTool } from './tool';

/**
 * The package's own install script, which downloads TensorFlow and a prebuilt addon. It honours
 * TFJS_NODE_CDN_STORAGE, TFJS_NODE_BASE_URI and HTTPS_PROXY; it has no time limit, so it is watched.
 */
export function installOfficial(job: InstallJob): SourceInstall {
  const { packageFolder, staging } = job;
  const kind = job.name === 'tensorflow-gpu' ? ['gpu', 'download'] : [];
  return {
    library: 'TensorFlow 2.9.1',
    check: () => Promise.resolve(),
    run: () =>
      staging.step('official', async () => {
        job.onProgress?.('downloading TensorFlow', 0.1);
        await runTool({
          ...{ command: process.execPath, purpose: 'downloading TensorFlow', cwd: packageFolder },
          args: [join('scripts', 'install.js'), ...kind],
          env: toolEnvironment(staging.folder),
          watch: packageFolder,
          onBytes: (bytes) => job.onProgress?.(`downloading TensorFlow: ${megabytes(bytes)}`),
          ...tooling(job),
        });
      }),
  };
}
