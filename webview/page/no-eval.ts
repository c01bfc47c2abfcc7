import { config } from 'zod';

// zod compiles validators with eval, which the page's policy forbids, and decides so when a schema
// is made: this must be imported before every module that makes one.
config({ jitless: true });
