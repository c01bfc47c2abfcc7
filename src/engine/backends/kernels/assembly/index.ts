// The module of all kernels, compiled by `node scripts/build-kernels.mjs`. It has no data and no
// allocator of its own: everything lies in the memory of TensorFlow.js, which it imports.
export { fail, run, runAlone, serve } from './jobs';
export { PRODUCT_SCRATCH } from './product';
