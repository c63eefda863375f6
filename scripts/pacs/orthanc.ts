// A private Orthanc: on loopback, with its own storage and a user.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const PLUGINS = ['/usr/share/orthanc/plugins', '/usr/local/share/orthanc/plugins', '/usr/lib/orthanc'];

const plugin = PLUGINS.map((folder) => path.join(folder, 'libOrthancDicomWeb.so')).find(existsSync);
const program = ['Orthanc', '/usr/sbin/Orthanc'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);

/** Why Orthanc is not available; undefined if it is. */
export const missing =
  program === undefined
    ? 'Orthanc is not installed'
    : plugin === undefined
      ? "Orthanc's DICOMweb plugin is not installed"
      : undefined;

/** The user's name and password as an Authorization header. */
export const AUTHORIZATION = `Basic ${Buffer.from('watch:secret').toString('base64')}`;

/** A server that can be killed and started again on the same storage and port. */
export class Orthanc {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly file: string,
    readonly url: string,
  ) {}

  static async start(folder: string): Promise<Orthanc> {
    const port = await freePort();
    const file = path.join(folder, 'orthanc.json');
    writeFileSync(
      file,
      JSON.stringify({
        Name: 'ct-multilabel check',
        StorageDirectory: path.join(folder, 'storage'),
        IndexDirectory: path.join(folder, 'storage'),
        HttpPort: port,
        RemoteAccessAllowed: false,
        DicomServerEnabled: false,
        AuthenticationEnabled: true,
        RegisteredUsers: { watch: 'secret' },
        OverwriteInstances: false,
        Plugins: [plugin],
        DicomWeb: { Enable: true, Root: '/dicom-web/' },
      }),
    );
    const server = new Orthanc(file, `http://127.0.0.1:${port}`);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    this.child = spawn(program!, [this.file], { stdio: 'ignore' });
    for (let tries = 0; tries < 600; tries++) {
      const answer = await this.get('/system').catch(() => undefined);
      if (answer !== undefined) return;
      await wait(100);
    }
    throw new Error('Orthanc does not come up within a minute');
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async get(place: string): Promise<unknown> {
    return this.request(place, {});
  }

  /** Uploads a file through the server's own interface, as a scanner would. */
  async upload(bytes: Uint8Array): Promise<void> {
    await this.request('/instances', { method: 'POST', body: bytes as BodyInit });
  }

  private async request(place: string, init: RequestInit): Promise<unknown> {
    const headers = { Authorization: AUTHORIZATION };
    const response = await fetch(`${this.url}${place}`, { ...init, headers });
    if (!response.ok) throw new Error(`${place}: ${response.status}`);
    return response.json();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
