/** Style of the report: on screens up to 1280 pixels, light and dark, and on A4 paper. */
import { Html, html, type Part } from './html';

/** A whole page, which loads nothing and runs no scripts. */
export function page(title: string, body: Part): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
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

/** Colours of the charts on paper and on light screens. */
export const CHART = {
  blue: '#0072b2',
  orange: '#d55e00',
  gray: '#999999',
  axis: '#888888',
  grid: '#dddddd',
  text: '#222222',
} as const;

/** A chart's colours on a dark screen; CSS rules override its attributes. */
const DARK: Record<keyof typeof CHART, string> = {
  ...{ blue: '#56b4e9', orange: '#ff9d4d', gray: '#8c8c8c' },
  ...{ axis: '#8a8f98', grid: '#3a3f47', text: '#e4e6ea' },
};

const darkCharts = (Object.keys(CHART) as (keyof typeof CHART)[]).flatMap((name) =>
  ['fill', 'stroke'].map((what) => `svg [${what}="${CHART[name]}"] { ${what}: ${DARK[name]}; }`),
);

const STYLE = `
:root { --text: #222; --faint: #555; --line: #e5e5e5; --strong: #888; --page: #fff; --warn: #fff3cd; --warn-line: #d9822b; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: #e4e6ea; --faint: #a8adb5; --line: #33373d; --strong: #7d838c; --page: #17191c; --warn: #3b2f12; --warn-line: #d9822b; }
  ${darkCharts.join(' ')}
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 1160px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { margin-top: 2em; border-bottom: 1px solid var(--strong); } h3 { margin: 1.4em 0 .4em; } h3 small { font-weight: 400; color: var(--faint); }
h1, h2, h3, th, td, dd, figcaption, li { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: .6em 0; }
th, td { padding: 3px 9px; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 1px solid var(--strong); overflow-wrap: normal; }
th:first-child { text-align: left; }
tbody th { font-weight: 600; min-width: 4em; }
td { white-space: nowrap; } td.none { color: var(--faint); }
.text { display: block; white-space: normal; text-align: left; }
td small { display: block; color: var(--faint); font-size: 11px; line-height: 1.2; }
.note { color: var(--faint); font-size: 13px; max-width: 60em; }
.warning { background: var(--warn); border-left: 4px solid var(--warn-line); padding: .6em 1em; }
.row { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(430px, 1fr)); gap: 18px; } .cases h3 { margin-top: 0; } .whole { grid-column: 1 / -1; }
figure { margin: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 4px; }
figcaption { grid-column: 1 / -1; font-size: 13px; color: var(--faint); } figcaption b { color: var(--text); }
figure img { display: block; width: 100%; background: #000; }
dl { display: grid; grid-template-columns: 12em 1fr; gap: 4px 1em; margin: .6em 0; }
dt { font-weight: 600; } dd { margin: 0; } dd table { margin: 0; } dd ul { margin: 0; padding-left: 1.2em; }
svg { max-width: 100%; height: auto; }
@page { size: A4; margin: 12mm; }
@media print {
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; }
  table { font-size: 8.5pt; } th, td { padding: 2px 5px; } td small, .note, figcaption { font-size: 8pt; }
  h1 { margin-top: 0; } h2 { margin-top: 1.4em; }
  h1, h2, h3, h2 + .note { break-after: avoid; }
  table, figure, .row, .chart, .warning, .note, dd, li { break-inside: avoid; }
  thead { display: table-header-group; }
  .row:not(.wide) { display: grid; grid-template-columns: repeat(3, auto); gap: 2mm; } .row > .counts { grid-column: 1 / -1; display: flex; gap: 4mm; align-items: center; }
  .cases { display: block; } figure { grid-template-columns: 58mm 58mm 1fr; margin-bottom: 4mm; } figcaption { grid-column: auto; padding-left: 2mm; }
  img, svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
