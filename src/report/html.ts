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
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${names}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
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

/** A whole page: nothing in it is loaded from elsewhere, or run. */
export function page(title: string, body: Part): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`; // prettier-ignore
}

const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1160px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { margin-top: 2em; border-bottom: 1px solid #ccc; } h3 { margin: 1.4em 0 .4em; }
h1, h2, h3, th, td, dd, figcaption, li { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; text-align: right; vertical-align: top; border-bottom: 1px solid #e5e5e5; }
thead th { vertical-align: bottom; border-bottom: 1px solid #888; overflow-wrap: normal; }
th:first-child { text-align: left; }
tbody th { font-weight: 600; min-width: 4em; }
td { white-space: nowrap; } td.text { white-space: normal; text-align: left; }
td.none { color: #999; font-style: italic; }
.wide { overflow-x: auto; margin: .6em 0; }
.note { color: #555; font-size: 13px; max-width: 60em; }
.warning { background: #fff3cd; border-left: 4px solid #d9822b; padding: .6em 1em; }
.row { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start; }
figure { margin: 0; } figcaption { font-size: 13px; color: #555; }
.slices { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 18px; }
.slices img { display: block; max-width: 100%; image-rendering: pixelated; background: #000; }
dl { display: grid; grid-template-columns: 12em 1fr; gap: 4px 1em; margin: .6em 0; }
dt { font-weight: 600; } dd { margin: 0; }
svg { max-width: 100%; height: auto; }
`;
