// The engine's command line over the fake trainer; FAKE_STEP_MS and FAKE_NAN_AT steer it.
import { engineMain } from '../../../../src/engine/runs/engine-commands';
import { fakePrepare } from './fake-trainer';

const nanAt = process.env['FAKE_NAN_AT'];
const unused = () => Promise.reject(new Error('not part of the fake engine'));

void engineMain(process.argv.slice(2), {
  prepare: fakePrepare({
    stepMs: Number(process.env['FAKE_STEP_MS'] ?? 0),
    ...(nanAt !== undefined && { nanAt: Number(nanAt) }),
  }),
  preflight: unused,
  inspectModel: unused,
}).then((code) => process.exit(code));
