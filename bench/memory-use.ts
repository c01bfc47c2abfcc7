import * as tf from '@tensorflow/tfjs-core';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { MemoryUse } from './worker-protocol';

/** Of this process, and of TensorFlow.js in it. */
export function memoryUse(): MemoryUse {
  const { numTensors, numBytes, ...others } = tf.memory();
  // What WebGPU allocates, which the driver's tool may not list.
  const { numBytesAllocatedInGPU } = others as { numBytesAllocatedInGPU?: number };
  const device = deviceBytes(process.pid) ?? numBytesAllocatedInGPU;
  return {
    rss: process.memoryUsage.rss(),
    peakRss: peakRss(),
    tensors: { count: numTensors, bytes: numBytes },
    ...(device !== undefined && { device }),
  };
}

/** The high-water mark of the resident set. */
function peakRss(): number {
  // Not the resource usage, which starts from that of the process that started this one.
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** What the driver says that a process holds on all cards; undefined where it says nothing of it. */
function deviceBytes(pid: number): number | undefined {
  const query = ['--query-compute-apps=pid,used_memory', '--format=csv,noheader,nounits'];
  try {
    const answer = execFileSync('nvidia-smi', query, { encoding: 'utf8', timeout: 5000 });
    const own = answer.split('\n').filter((line) => Number(line.split(',')[0]) === pid);
    const mebibytes = own.reduce((sum, line) => sum + Number(line.split(',')[1]), 0);
    return mebibytes > 0 ? mebibytes * 2 ** 20 : undefined;
  } catch {
    // No such card, or no such tool: that is what the table then says.
    return undefined;
  }
}
