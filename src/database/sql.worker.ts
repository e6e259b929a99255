import './without-network.ts';
import initSqlJs from 'sql.js';
import type { DatabaseRequest } from './messages.ts';
import { serveDatabase } from './serve-database.ts';

const serve = serveDatabase(initSqlJs, (message) => self.postMessage(message));
self.addEventListener('message', (event: MessageEvent<DatabaseRequest>) => void serve(event.data));
