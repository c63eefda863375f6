/** HTML from untrusted text: what is put into a template is escaped, unless it is itself of a template. */

/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template takes: text and numbers are escaped, HTML is taken as it is, lists are joined. */
export type Part = string | number | Html | readonly Part[];

/**
 * A template whose values cannot leave the place they are put into: between tags, or within the quotes of an attribute.
 *
 * An attribute that a browser acts on (`href`, `src`, `style`, `on…`) is no place for text that comes from others.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? '' : textOf(parts[i - 1]!)) + text).join(''));
}

/** Text in which nothing is hidden: control characters, those that turn the direction of writing included, become a visible mark. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' || character === '\t' ? character : '\ufffd',
  );

/** Text without a meaning in HTML. */
export const escapeHtml = (text: string): string =>
  visible(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  return typeof part === 'number' ? String(part) : part.map(textOf).join('');
}

/** Stands for what the data do not define. */
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

/** A table; the first column is of names, the others of figures. */
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

/** Names and what belongs to them. */
export const definitions = (entries: readonly (readonly [string, Part])[]): Html =>
  html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd> `,
    )}
  </dl>`;
