import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeProgressRing,
} from '@vscode/webview-ui-toolkit';
import { h } from './h';

/** Registers the toolkit's elements that the pages use. Lists and tables are native ones. */
export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeProgressRing());
}

export interface ButtonOptions {
  readonly label: string;
  readonly primary?: boolean;
  /** Tooltip and longer accessible description. */
  readonly title?: string;
  readonly press: () => void;
}

export function button({ label, primary, title, press }: ButtonOptions): HTMLElement {
  return h(
    'vscode-button',
    { appearance: primary ? 'primary' : 'secondary', title, onclick: press },
    label,
  );
}

/** Primary is for what one would do next: not for what cannot be done. */
export function setPrimary(element: HTMLElement, primary: boolean): void {
  const appearance = primary ? 'primary' : 'secondary';
  if (element.getAttribute('appearance') !== appearance)
    element.setAttribute('appearance', appearance);
}

/** A disabled button stays in the page, so that its tooltip can say why. */
export function setDisabled(element: HTMLElement, disabled: boolean): void {
  if (element.hasAttribute('disabled') !== disabled) element.toggleAttribute('disabled', disabled);
}
