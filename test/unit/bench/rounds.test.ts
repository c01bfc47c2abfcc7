import { expect, it } from 'vitest';
import { interleave } from '../../../bench/rounds';

it('contenders take turns, every second round in reverse', async () => {
  const order: string[] = [];
  const block = (name: string) => ({
    name,
    run: async () => {
      order.push(name);
      return [order.length];
    },
  });
  const samples = await interleave([block('a'), block('b')], 3, () => undefined);
  expect(order.join('')).toBe('abbaab');
  expect(samples.get('a')).toEqual([[1], [4], [5]]);
  expect(samples.get('b')).toEqual([[2], [3], [6]]);
  await expect(interleave([block('a'), block('a')], 1, () => undefined)).rejects.toThrow(
    'one name',
  );
});
