/** Small parts shared by the drawn pictures. */

const STYLE = `
  text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1a1a1a; text-anchor: middle; }
  .title { font-size: 15px; font-weight: 600; text-anchor: start; }
  .class { font-weight: 600; }
  .shape { fill: #0059a0; }
  .detail { fill: #555; }
  .box { fill: #f3f6fa; stroke: #8096ad; }
  .arrow { fill: none; stroke: #444; stroke-width: 1.4; marker-end: url(#head); }
`;

const HEAD =
  '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">' +
  '<path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker>';

/** An SVG file on white, for light and dark pages; `about` is its description for screen readers. */
export function svgDocument(width: number, height: number, about: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeXml(about)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${STYLE}</style>`,
    `<defs>${HEAD}</defs>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** Escapes text for an element or an attribute. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Width of a text in pixels, assuming a wide font, since the reader's is unknown. */
export const textWidth = (text: string, size: number, bold = false): number =>
  Math.ceil(text.length * size * (bold ? 0.64 : 0.57));
