/** HTML from untrusted text: values in a template are escaped, unless they come from a template themselves. */

/** Text that already is HTML. */
export class Html {
  constructor(readonly text: string) {}
}

/** A value in a template: text is escaped, HTML is inserted unchanged, lists are joined. */
export type Part = string | number | Html | readonly Part[];

/**
 * A template whose values cannot break out of their place, between tags or within the quotes of an attribute.
 *
 * Do not put untrusted text into an attribute that a browser interprets (`href`, `src`, `style`, `on…`).
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? '' : textOf(parts[i - 1]!)) + text).join(''));
}

/** Replaces control characters, including those that change the writing direction, by a visible mark. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' || character === '\t' ? character : '\ufffd',
  );

/** Text with all characters escaped that have a meaning in HTML. */
export const escapeHtml = (text: string): string =>
  visible(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  return typeof part === 'number' ? String(part) : part.map(textOf).join('');
}

/** Stands for an undefined value. */
export const NONE = '–';

/** A score with three digits. */
export const score = (value: number | undefined): string => (value === undefined ? NONE : value.toFixed(3));

/** A score and its interval. */
export const interval = (value: {
  estimate: number | undefined;
  low: number | undefined;
  high: number | undefined;
}): string =>
  value.estimate === undefined
    ? NONE
    : `${score(value.estimate)} [${score(value.low)}, ${score(value.high)}]`;

/** A table; the first column holds names, the others figures. */
export function table(header: readonly Part[], rows: readonly (readonly Part[])[]): Html {
  const cell = (part: Part) => (part === NONE ? html`<td class="none">${NONE}</td>` : html`<td>${part}</td>`);
  const lines = rows.map(([name, ...figures]) => html`<tr><th scope="row">${name!}</th>${figures.map(cell)}</tr>\n`); // prettier-ignore
  const names = header.map((name) => html`<th scope="col">${name}</th>`);
  return html`<table>
    <thead>
      <tr>
        ${names}
      </tr>
    </thead>
    <tbody>
      ${lines}
    </tbody>
  </table>`;
}

/** A list of names and their values. */
export const definitions = (entries: readonly (readonly [string, Part])[]): Html =>
  html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd> `,
    )}
  </dl>`;
