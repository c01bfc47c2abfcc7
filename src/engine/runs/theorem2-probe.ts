import type { Config } from '../../shared/config/schema';
import { epochOrder, makeBatch, type BatchRow } from '../data/batches';
import type { Batch } from '../data/batch';
import type { ProbeRequest, ProbeResult } from '../landscape/probe';
import type { Method } from '../methods/method';
import { NO_CONSTANTS, type Theorem2Constants } from '../theory/theorem2-bound';

/** What Theorem 2 needs to know at a probe beside the model, and its constants so far. */
export interface Theorem2Monitor {
  /** @param step t, the next step; @param rho ρ_t. `undefined` where nothing can be compared. */
  request(step: number, rho: number): Promise<ProbeRequest['theorem2']>;
  take(result: ProbeResult): void;
  /** Part of a checkpoint. */
  state: Theorem2Constants;
}

/** EFMLoRA alone has an average to compare; before its first step there is none. */
export function createTheorem2Monitor(
  { method: settings, probe, train }: Pick<Config, 'method' | 'probe' | 'train'>,
  method: Method,
  data: { readonly rows: readonly BatchRow[]; readonly padId: number },
): Theorem2Monitor {
  let batches: readonly Batch[] | undefined;
  const monitor: Theorem2Monitor = {
    state: NO_CONSTANTS,
    async request(step, rho) {
      if (settings.name !== 'efmlora' || !probe.theorem2) return undefined;
      const average = await method.saveState();
      if (average.size === 0) return undefined;
      batches ??= sigmaBatches(data, { seed: train.seed, size: train.batch_size, probe });
      return { average, step, rho, constants: monitor.state, sigmaBatches: batches };
    },
    take({ constants }) {
      if (constants) monitor.state = constants;
    },
  };
  return monitor;
}

/** The same training batches at every probe, whole ones only. */
function sigmaBatches(
  { rows, padId }: { readonly rows: readonly BatchRow[]; readonly padId: number },
  { seed, size, probe }: { seed: number; size: number; probe: Config['probe'] },
): readonly Batch[] {
  const order = Array.from(epochOrder(seed, -2, rows.length, true));
  const count = Math.min(probe.sigma_batches, Math.floor(rows.length / size));
  return Array.from({ length: count }, (_, i) =>
    makeBatch(
      order.slice(i * size, (i + 1) * size).flatMap((index) => rows[index] ?? []),
      padId,
    ),
  );
}
