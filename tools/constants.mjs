// Tables of numbers in a chunk of the command: what is asked of them by name is written where it is asked. An object of many
// names takes long to make, and looking one up for the first time as well.
import { parseAst } from 'rolldown/parseAst';

const isNumber = (node) =>
  (node.type === 'Literal' && typeof node.value === 'number') ||
  (node.type === 'UnaryExpression' && node.operator === '-' && isNumber(node.argument));
const isEntry = (p) => p.type === 'Property' && !p.computed && p.key.type === 'Identifier' && isNumber(p.value);

/** Names of what does not change begin with a capital. */
const IS_CONSTANT = /^[A-Z]/;
/** @returns `const NAME = { KEY: number, ... };` at the top, by name */
function tablesOf(body, code) {
  const tables = new Map();
  for (const statement of body) {
    const { id, init } = statement.type === 'VariableDeclaration' ? statement.declarations[0] : {};
    if (statement.kind !== 'const' || statement.declarations.length !== 1 || init?.type !== 'ObjectExpression')
      continue;
    if (id.type !== 'Identifier' || !IS_CONSTANT.test(id.name)) continue;
    if (init.properties.length === 0 || !init.properties.every(isEntry)) continue;
    const values = new Map(init.properties.map(({ key, value }) => [key.name, code.slice(value.start, value.end)]));
    tables.set(id.name, { statement, init, values, reads: [], exported: undefined, others: 0 });
  }
  return tables;
}
/** Calls a function with each node of a tree and the node it stands in. */
function walk(node, parent, visit) {
  if (Array.isArray(node)) for (const one of node) walk(one, parent, visit);
  else if (typeof node?.type === 'string') {
    visit(node, parent);
    for (const [key, child] of Object.entries(node)) if (key !== 'type') walk(child, node, visit);
  }
}

/** @param code of a CommonJS module. @throws Error if a table of it is changed */
export function withConstants(code) {
  const { body } = parseAst(code);
  const tables = tablesOf(body, code);
  walk(body, undefined, (node, parent) => {
    const changed =
      node.type === 'AssignmentExpression' ? node.left : node.type === 'UpdateExpression' && node.argument;
    if (changed && tables.has(changed.object?.name))
      throw new Error(`${changed.object.name} is changed, and has the name of a constant`);
    const table = node.type === 'Identifier' ? tables.get(node.name) : undefined;
    if (!table) return;
    const isMember = parent.type === 'MemberExpression' && !parent.computed;
    if (isMember && parent.property === node) return;
    if (isMember && table.values.has(parent.property.name)) table.reads.push(parent);
    else if (parent.type === 'AssignmentExpression' && code.slice(parent.start).startsWith(`exports.${node.name} = `))
      table.exported = node;
    else table.others++;
  });
  const edits = [];
  for (const { statement, init, values, reads, exported, others } of tables.values()) {
    for (const { start, end, property } of reads) edits.push([start, end, `(${values.get(property.name)})`]);
    // Its own name is one of the others.
    if (others > 1) continue;
    edits.push([statement.start, statement.end, '']);
    if (exported) edits.push([exported.start, exported.end, code.slice(init.start, init.end)]);
  }
  let out = code;
  for (const [start, end, text] of edits.sort((a, b) => b[0] - a[0])) out = out.slice(0, start) + text + out.slice(end);
  return out;
}
