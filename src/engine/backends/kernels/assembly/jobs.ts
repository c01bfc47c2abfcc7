import { runItem } from './dispatch';

/**
 * One job at a time, cut into items that any thread may take: each item writes its own part of the
 * result, so that who takes it changes nothing. The control block lies in the shared memory; words
 * that several threads write are a cache line apart.
 */
const TICKET: usize = 0; // u64: number of the job << 32 | items not yet taken
const PENDING: usize = 64; // items not yet finished; the main thread waits on it, from JavaScript
const FAILED: usize = 68; // 1 after a thread has stopped within an item
const EPOCH: usize = 128; // changes when there is work; sleeping threads wait on it
const SLEEPING: usize = 132;

/** Looks for work before a thread goes to sleep: about 20 µs, the pause between two kernels. */
const SPINS: i32 = 20_000;

/** Does a whole job on the calling thread. */
export function runAlone(control: usize, items: i32): void {
  for (let item = 0; item < items; item++) runItem(control, 0, item);
}

/**
 * Offers a job to all threads, and does a share of it.
 * @returns how many items, taken by others, are not finished yet
 */
export function run(control: usize, items: i32): i32 {
  atomic.store<i32>(control, items, PENDING);
  const job = (atomic.load<u64>(control, TICKET) >> 32) + 1;
  atomic.store<u64>(control, (job << 32) | (<u64>items), TICKET);
  atomic.add<i32>(control, 1, EPOCH);
  if (atomic.load<i32>(control, SLEEPING) > 0) atomic.notify(control + EPOCH, -1);
  takeItems(control, 0);
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(control, PENDING) == 0) break;
  return atomic.load<i32>(control, PENDING);
}

/** The life of a worker thread, whose number is 1 or more. */
export function serve(control: usize, thread: i32): void {
  while (true) {
    takeItems(control, thread);
    for (let i = 0; i < SPINS; i++) if (itemsLeft(control) != 0) break;
    const epoch = atomic.load<i32>(control, EPOCH);
    if (itemsLeft(control) != 0) continue;
    atomic.add<i32>(control, 1, SLEEPING);
    atomic.wait<i32>(control + EPOCH, epoch, -1);
    atomic.sub<i32>(control, 1, SLEEPING);
  }
}

/** Called in place of a worker that has stopped within an item. */
export function fail(control: usize): void {
  atomic.store<i32>(control, 1, FAILED);
  atomic.notify(control + PENDING, -1);
}

function itemsLeft(control: usize): i32 {
  return <i32>atomic.load<u64>(control, TICKET);
}

/**
 * The number of the job is part of what is compared: a thread that was held up cannot take an item
 * of a job whose operands it has not seen, and a job with an untaken item cannot end.
 */
function takeItems(control: usize, thread: i32): void {
  while (true) {
    const ticket = atomic.load<u64>(control, TICKET);
    const left = <i32>ticket;
    if (left == 0) return;
    if (atomic.cmpxchg<u64>(control, ticket, ticket - 1, TICKET) != ticket) continue;
    runItem(control, thread, left - 1);
    if (atomic.sub<i32>(control, 1, PENDING) == 1) atomic.notify(control + PENDING, -1);
  }
}
