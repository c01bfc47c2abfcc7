import * as vscode from 'vscode';
import { LAYER_COLUMNS } from '../../shared/layers/columns';
import type { LayerOrder } from '../../shared/layers/order';

interface OrderItem extends vscode.QuickPickItem {
  readonly order?: LayerOrder;
}

/**
 * Asks what a layers document is sorted by. The column it is sorted by already is offered the other
 * way round.
 */
export async function pickOrder(now: LayerOrder): Promise<LayerOrder | undefined> {
  const columns = LAYER_COLUMNS.map(({ key, head, summary }): OrderItem => {
    const isNow = key === now.by;
    const descending = isNow ? !now.descending : true;
    return {
      label: head,
      description: descending ? vscode.l10n.t('largest first') : vscode.l10n.t('smallest first'),
      detail: summary,
      order: { ...now, by: key, descending },
    };
  });
  const items: OrderItem[] = [
    ...columns,
    { label: vscode.l10n.t('order of the model'), order: { ...now, by: 'model' } },
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    {
      label: now.blocks
        ? vscode.l10n.t('one list without blocks')
        : vscode.l10n.t('grouped by block'),
      order: { ...now, blocks: !now.blocks },
    },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('Sort the layers by'),
  });
  return picked?.order;
}
