import { describeError } from '../../src/shared/errors';
import type { Banner } from '../page/banners';
import type { DashboardState } from './state';

/** What is wrong with the run or the connection, each with what to do. */
export function bannersOf(state: DashboardState, reconnectLink: string): Banner[] {
  const { model, connection, failure, heard, trusted } = state;
  const banners: Banner[] = [];
  if (!heard)
    banners.push({
      tone: 'warn',
      text: 'Disconnected from the extension. The run goes on without it; this picture has stopped.',
      link: { href: reconnectLink, label: 'Reconnect' },
    });
  if (failure)
    banners.push({ tone: 'bad', text: `${failure.message}. ${failure.remedy ?? ''}`.trim() });
  if (model?.error) banners.push({ tone: 'bad', text: describeError(model.error) });
  const interrupted = connection === 'interrupted' || model?.status === 'interrupted';
  if (interrupted && heard)
    banners.push({
      tone: 'warn',
      text: `The run's process is gone. Everything up to here is saved; Resume goes on from ${checkpoint(state)}.${trusted ? '' : ' Trust this workspace first.'}`,
    });
  return banners;
}

function checkpoint({ model }: DashboardState): string {
  const last = model?.checkpoints.at(-1);
  return last ? `the checkpoint of step ${last.step}` : 'the start, as there is no checkpoint yet';
}
