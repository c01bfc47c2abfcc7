// Leaves one of each set of near copies, so that no split can hold a text and its twin.

const SHINGLE_WORDS = 5;
const SHARED = 0.5;

/**
 * The rows whose `text` is new. Texts are compared without case, digits, addresses and
 * punctuation, as sets of five-word shingles; a text that shares at least half of the shingles of
 * the smaller of the two sets with one kept before is dropped.
 */
export function withoutNearCopies(rows) {
  const holders = new Map(); // shingle → indices into `sizes` of the kept rows that contain it
  const sizes = [];
  return rows.filter(({ text }) => {
    const own = shingles(text);
    const shared = new Map();
    for (const shingle of own) {
      for (const kept of holders.get(shingle) ?? []) shared.set(kept, (shared.get(kept) ?? 0) + 1);
    }
    for (const [kept, count] of shared) {
      if (count >= SHARED * Math.min(own.size, sizes[kept])) return false;
    }
    for (const shingle of own) {
      const list = holders.get(shingle);
      if (list === undefined) holders.set(shingle, [sizes.length]);
      else list.push(sizes.length);
    }
    sizes.push(own.size);
    return true;
  });
}

function shingles(text) {
  const words = comparable(text).split(' ');
  const last = Math.max(0, words.length - SHINGLE_WORDS);
  const result = new Set();
  for (let at = 0; at <= last; at += 1) result.add(words.slice(at, at + SHINGLE_WORDS).join(' '));
  return result;
}

/** Lower case; web and mail addresses, digits and punctuation gone. */
function comparable(text) {
  return text
    .toLowerCase()
    .replace(/\b(https?:\/\/|www\.)\S+|\S+@\S+/g, ' ')
    .replace(/[^\p{L}]+/gu, ' ')
    .trim();
}
