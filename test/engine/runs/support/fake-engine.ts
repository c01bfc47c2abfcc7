// The engine's command line over the fake trainer; FAKE_STEP_MS, FAKE_NAN_AT and FAKE_CRASH_MS steer it.
import { engineMain } from '../../../../src/engine/runs/engine-commands';
import { fakePrepare } from './fake-trainer';

const nanAt = process.env['FAKE_NAN_AT'];
if (process.env['FAKE_CRASH_MS'] !== undefined)
  setTimeout(() => {
    throw new Error('out of the blue');
  }, Number(process.env['FAKE_CRASH_MS']));
const unused = () => Promise.reject(new Error('not part of the fake engine'));

void engineMain(process.argv.slice(2), {
  prepare: fakePrepare({
    stepMs: Number(process.env['FAKE_STEP_MS'] ?? 0),
    ...(nanAt !== undefined && { nanAt: Number(nanAt) }),
  }),
  preflight: unused,
  inspectModel: unused,
}).then((code) => process.exit(code));
