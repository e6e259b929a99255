import { parentPort } from 'node:worker_threads';
import initSqlJs from 'sql.js';
import type { DatabaseRequest } from '../messages.ts';
import { serveDatabase } from '../serve-database.ts';

const serve = serveDatabase(initSqlJs, (message) => parentPort?.postMessage(message));
parentPort?.on('message', (request: DatabaseRequest) => void serve(request));
