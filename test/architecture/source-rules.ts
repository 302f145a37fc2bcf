import ts from "typescript";

const shortNames = new Set(["req", "res", "ctx", "opts", "cfg", "err", "msg", "tmp"]);
const emptyNames = new Set(["utils", "helpers", "common", "misc", "types", "manager", "base", "core", "impl"]);

/**
 * Finds what breaks the rules of the house that one file's own text can show: `process.env` outside settings.ts, exports
 * without a docstring, names that are cut short, modules that are mocked, and file or folder names that say nothing.
 */
export function findSourceFaults(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const faults: string[] = [];
  const report = (node: ts.Node, fault: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    faults.push(`${path}:${line + 1} ${fault}`);
  };
  const parts = path.split("/").map((part) => part.replace(/\..*$/, ""));
  for (const part of parts) {
    if (emptyNames.has(part)) {
      faults.push(`${path} has a name that says nothing: ${part}`);
    }
  }
  const visit = (node: ts.Node) => {
    if (readsEnvironment(node) && !/((^|\/)settings|\.test)\.ts$/.test(path)) {
      report(node, "reads process.env: settings.ts does");
    }
    if (isUndocumentedExport(node) && !path.endsWith(".test.ts")) {
      report(node, "exports without a docstring");
    }
    if (ts.isIdentifier(node) && isDeclaredName(node) && shortNames.has(node.text)) {
      report(node, `cuts a word short: ${node.text}`);
    }
    if (ts.isPropertyAccessExpression(node) && node.getText(source) === "vi.mock") {
      report(node, "mocks a module: pass a fake");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isImportSpecifier(node)) {
    const { moduleSpecifier } = node.parent.parent.parent;
    return (
      (node.propertyName ?? node.name).text === "env" && /^["'](node:)?process["']$/.test(moduleSpecifier.getText())
    );
  }
  return ts.isPropertyAccessExpression(node) && node.name.text === "env" && node.expression.getText() === "process";
}

function isUndocumentedExport(node: ts.Node): boolean {
  if (!ts.canHaveModifiers(node) || !ts.isSourceFile(node.parent)) {
    return false;
  }
  const isExported = ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
  return isExported && ts.getJSDocCommentsAndTags(node).length === 0;
}

function isDeclaredName(node: ts.Identifier): boolean {
  const { parent } = node;
  const isDeclaration =
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent);
  return isDeclaration && parent.name === node;
}
