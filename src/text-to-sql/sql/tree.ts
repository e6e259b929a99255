import { childrenOf, walk, type Node, type Query, type Span } from './ast.ts';
import { parseQuery } from './parse.ts';
import { buildScopes, type Scope, type TableLookup } from './scopes.ts';

/** A statement read and resolved: its text, its nodes with their parents, its scopes. */
export class SqlTree {
  readonly source: string;
  readonly query: Query;
  readonly scopes: readonly Scope[];
  #parents: Map<Node, Node> | null = null;

  constructor(source: string, query: Query, scopes: readonly Scope[]) {
    this.source = source;
    this.query = query;
    this.scopes = scopes;
  }

  text(span: Span): string {
    return this.source.slice(span.start, span.end);
  }

  parentOf(node: Node): Node | null {
    if (this.#parents === null) {
      this.#parents = new Map();
      for (const parent of walk(this.query)) for (const child of childrenOf(parent)) this.#parents.set(child, parent);
    }
    return this.#parents.get(node) ?? null;
  }

  /** Every node of a kind, nested queries included. */
  all<Kind extends Node['kind']>(kind: Kind): Extract<Node, { kind: Kind }>[] {
    const found: Extract<Node, { kind: Kind }>[] = [];
    for (const node of walk(this.query)) if (isKind(node, kind)) found.push(node);
    return found;
  }

  scopeOf(select: Node): Scope | null {
    return this.scopes.find((scope) => scope.select === select) ?? null;
  }
}

export function isKind<Kind extends Node['kind']>(node: Node, kind: Kind): node is Extract<Node, { kind: Kind }> {
  return node.kind === kind;
}

/** Reads and resolves a statement; null where it is not one that the parser knows. */
export function readTree(source: string, lookup: TableLookup): SqlTree | null {
  const query = parseQuery(source);
  return query.ok ? new SqlTree(source, query.value, buildScopes(query.value, lookup)) : null;
}
