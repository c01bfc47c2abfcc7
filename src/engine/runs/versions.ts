import { version_core } from '@tensorflow/tfjs-core';
import { version } from '../../../package.json';

/** What computes, for the manifest. */
export function runVersions(): Record<string, string> {
  return {
    flatscape: version,
    'tensorflow.js': version_core,
    node: process.versions.node,
  };
}
