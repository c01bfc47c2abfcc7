import { describeError } from '../../src/shared/errors';
import type { Banner } from '../page/banners';
import type { LandscapePageState } from './state';

/** What is wrong with the inspection or the connection, each with what to do. */
export function bannersOf(state: LandscapePageState, reconnectLink: string): Banner[] {
  const { model, connection, failure, heard, trusted } = state;
  const banners: Banner[] = [];
  if (!heard)
    banners.push({
      tone: 'warn',
      text: `Disconnected from the extension. ${model?.status === 'running' ? 'The inspection goes on without it; this picture has stopped.' : 'The picture stays; the buttons above wait for it.'}`,
      link: { href: reconnectLink, label: 'Reconnect' },
    });
  if (failure)
    banners.push({ tone: 'bad', text: `${failure.message}. ${failure.remedy ?? ''}`.trim() });
  if (model?.error) banners.push({ tone: 'bad', text: describeError(model.error) });
  const interrupted = connection === 'interrupted' || model?.status === 'interrupted';
  if (interrupted && heard)
    banners.push({
      tone: 'warn',
      text: `The inspection's process is gone. What it measured is saved; Resume measures the rest.${trusted ? '' : ' Trust this workspace first.'}`,
    });
  for (const { message } of model?.warnings ?? []) banners.push({ tone: 'warn', text: message });
  return banners;
}
