// The public API, entry by entry, as text to compare in reviews. `node scripts/surface.mjs` updates docs/surface.txt.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

const FILE = 'docs/surface.txt';

/** Sources of the entries in package.json; the main one is listed as the rooms that it consists of. */
function entries() {
  const main = readFileSync('src/index.ts', 'utf8');
  const rooms = [...main.matchAll(/export \* from '\.\/(.*)\/index'/g)].map(([, room]) => [
    `ct-multilabel: ${room}`,
    `src/${room}/index.ts`,
  ]);
  return [
    ...rooms,
    ['ct-multilabel/dicom', 'src/dicom/index.ts'],
    ['ct-multilabel/node', 'src/node.ts'],
    ['ct-multilabel/cli', 'src/cli/index.ts'],
  ];
}

/** The report, and the number of its names. */
export function surface() {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  const program = ts.createProgram(
    entries().map(([, file]) => file),
    options,
  );
  const checker = program.getTypeChecker();
  const seen = new Set();
  const sections = entries().map(([title, file]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    const symbols = checker.getExportsOfModule(module).map((symbol) => {
      const own = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return { name: symbol.name, own };
    });
    const lines = symbols
      .filter(({ name }) => !seen.has(name))
      .map(({ name, own }) => describe(checker, name, own))
      .sort();
    for (const { name } of symbols) seen.add(name);
    return `# ${title}\n\n${lines.join('\n')}\n`;
  });
  return { text: `${seen.size} public names\n\n${sections.join('\n')}`, names: seen.size };
}

const FLAGS = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

function describe(checker, name, symbol) {
  const at = symbol.declarations[0];
  const text = (type) => checker.typeToString(type, at, FLAGS).replace(/import\("[^"]*"\)\./g, '');
  if (symbol.flags & ts.SymbolFlags.Function) {
    const signatures = checker.getTypeOfSymbolAtLocation(symbol, at).getCallSignatures();
    return signatures
      .map((one) => `function ${name}${checker.signatureToString(one, at, FLAGS).replace(/import\("[^"]*"\)\./g, '')}`)
      .join('\n');
  }
  if (symbol.flags & ts.SymbolFlags.Class) {
    const { prototype: _, ...members } = Object.fromEntries(symbol.members);
    return `class ${name} { ${Object.keys(members).filter((key) => !isHidden(members[key])).join(', ')} }`;
  }
  if (symbol.flags & ts.SymbolFlags.Variable) return `const ${name}: ${text(checker.getTypeOfSymbolAtLocation(symbol, at))}`;
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  if (symbol.flags & ts.SymbolFlags.Interface) {
    const fields = type.getProperties().map((field) => {
      const optional = field.flags & ts.SymbolFlags.Optional ? '?' : '';
      return `${field.name}${optional}: ${text(checker.getTypeOfSymbolAtLocation(field, at))}`;
    });
    return `interface ${name} { ${fields.join('; ')} }`;
  }
  return `type ${name} = ${checker.typeToString(type, at, FLAGS | ts.TypeFormatFlags.InTypeAlias).replace(/import\("[^"]*"\)\./g, '')}`;
} // prettier-ignore

/** Members that are not listed: private, protected and internal ones. */
const isHidden = (member) =>
  member.name.startsWith('__') ||
  member.declarations?.some(
    (one) =>
      ts.getCombinedModifierFlags(one) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected) ||
      ts.getJSDocTags(one).some(({ tagName }) => tagName.text === 'internal'),
  );

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { text, names } = surface();
  writeFileSync(FILE, text);
  console.log(`${FILE}: ${names} names`);
}
