import { mount } from 'svelte';
import './page.css';
import App from './app.svelte';

// Nothing here talks to other machines; a script that should ever get in must not find the one way that no policy closes.
Reflect.deleteProperty(globalThis, 'RTCPeerConnection');

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no element #app');
mount(App, { target });
