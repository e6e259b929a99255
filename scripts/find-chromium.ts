import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Flags under which headless Chromium has WebGPU in software and makes no request of its own. */
export const browserArguments: readonly string[] = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge', 'microsoft-edge'];

const knownPlaces: readonly string[] = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  '/snap/bin/chromium',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // accessSync has no other way to say no.
  }
}

/** The path of Chrome, Chromium or Edge: CHROME_PATH first, then the PATH, then the usual places; undefined where there is none. */
export function findChromium(environment: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const chosen = environment.CHROME_PATH;
  if (chosen) return isExecutable(chosen) ? chosen : undefined;
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...knownPlaces].find(isExecutable);
}

const whatToInstall = [
  'The browser tests need Chrome, Chromium or Edge (version 121 or later), and none was found.',
  'Install one (Debian/Ubuntu: sudo apt-get install chromium; Fedora: sudo dnf install chromium; macOS: brew install --cask chromium;',
  'Windows: winget install Google.Chrome), or set CHROME_PATH to the program of one that is installed elsewhere.',
].join('\n');

/**
 * The path of a browser; installs Debian's Chromium where apt can be used without asking (as root, or by sudo without a password).
 * @throws Error with a sentence that says what to install.
 */
export function findOrInstallChromium(): string {
  const found = findChromium();
  if (found) return found;
  if (process.env.CHROME_PATH) throw new Error(`CHROME_PATH is ${process.env.CHROME_PATH}, which is no program.\n${whatToInstall}`);
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const run = (...command: string[]): boolean => {
    const [program = '', ...rest] = [...prefix, ...command];
    return spawnSync(program, rest, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0;
  };
  if (process.platform === 'linux' && spawnSync('apt-get', ['--version']).status === 0) {
    console.log('No Chrome or Chromium found: installing Debian’s chromium with apt-get.');
    if (run('apt-get', 'update') && run('apt-get', 'install', '-y', '--no-install-recommends', 'chromium')) {
      const installed = findChromium();
      if (installed) return installed;
    }
  }
  throw new Error(whatToInstall);
}
