import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, type Session } from './browser-session.ts';

interface Axe {
  run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
}

/** What axe finds serious or critical on the page as it is now, each with the place. */
export async function seriousFindings(session: Session, where: string): Promise<string[]> {
  const before = session.violations.length;
  // Colours that are still on their way from one theme to the other have no contrast to speak of.
  await session.page.waitForTimeout(600);
  await session.page.evaluate(readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8'));
  const found = await session.page.evaluate(async (place) => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${place}: ${id}: ${html}`));
  }, where);
  // axe itself sets style attributes, which the policy refuses.
  session.violations.length = before;
  return found;
}
