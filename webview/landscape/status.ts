import type { StatusLine } from '../page/page-header';
import type { LandscapePageState } from './state';

/** How the inspection stands, as its journal and the connection tell it together. */
export function statusLine({ model, connection, heard }: LandscapePageState): StatusLine {
  if (!model) return { icon: 'connecting', text: 'Reading the inspection', tone: 'calm' };
  if (model.status === 'completed') {
    const failed = model.failures.size;
    return failed > 0
      ? { icon: 'interrupted', text: `Completed, ${failed} not measured`, tone: 'warn' }
      : { icon: 'completed', text: 'Completed', tone: 'good' };
  }
  if (model.status === 'failed') return { icon: 'failed', text: 'Failed', tone: 'bad' };
  if (model.status === 'stopped') return { icon: 'stopped', text: 'Stopped', tone: 'calm' };
  if (model.status === 'interrupted' || connection === 'interrupted')
    return { icon: 'interrupted', text: 'Interrupted', tone: 'warn' };
  if (!heard) return { icon: 'interrupted', text: 'Disconnected', tone: 'warn' };
  if (connection === 'connecting')
    return { icon: 'connecting', text: 'Connecting to the engine', tone: 'calm' };
  return { icon: 'running', text: `Measuring: ${model.phase}`, tone: 'running' };
}
