import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DicomWeb } from '../../../src/node/pacs/dicom_web';
import { partsOf } from '../../../src/node/pacs/multipart';

type Answer = (request: IncomingMessage & { text: string }, response: ServerResponse) => void;

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A server that gives these answers, one after another, the last again and again. */
async function serving(...answers: Answer[]) {
  const asked: (IncomingMessage & { text: string })[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const whole = Object.assign(request, { text: Buffer.concat(chunks).toString('latin1') });
      asked.push(whole);
      answers[Math.min(asked.length, answers.length) - 1]!(whole, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const retries: string[] = [];
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web/`;
  const web = (options: object = {}) =>
    new DicomWeb({ server: url, firstWait: 1, onRetry: (line) => retries.push(line), ...options });
  return { asked, retries, web };
}

const json =
  (value: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, { 'Content-Type': 'application/dicom+json' }).end(JSON.stringify(value));
  };
const status =
  (code: number, text = 'for Mustermann^Max'): Answer =>
  (_, response) => {
    response.writeHead(code).end(text);
  };
const study = (uid: string, instances?: number) => ({
  '0020000D': { Value: [uid] },
  ...(instances !== undefined && { '00201208': { Value: [instances] } }),
});

const all = async <T>(items: AsyncIterable<T>) => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

describe('DicomWeb', () => {
  it('finds studies page after page, each once, with what the query asks for', async () => {
    const many = Array.from({ length: 100 }, (_, i) => study(`1.2.${i}`, i));
    const { asked, web } = await serving(
      json(many),
      json([study('1.2.99'), study('1.3'), study('no/uid')]),
      json([]),
    );
    const found = await all(web().studies(new URLSearchParams('StudyDate=20240101-')));
    expect(found).toHaveLength(101);
    expect([found[0], found[100]]).toEqual([{ uid: '1.2.0', instances: 0 }, { uid: '1.3', instances: undefined }]); // prettier-ignore
    const url = new URL(asked[1]!.url!, 'http://x');
    expect(url.pathname).toBe('/dicom-web/studies');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ StudyDate: '20240101-', ModalitiesInStudy: 'CT', offset: '100', limit: '100' },
    });
  });

  it('ends where a server gives the same page for every offset, or none', async () => {
    const many = Array.from({ length: 100 }, (_, i) => study(`1.2.${i}`));
    const same = await serving(json(many));
    expect(await all(same.web().studies(new URLSearchParams()))).toHaveLength(100);
    expect(same.asked).toHaveLength(2);
    close!();
    // fewer at a time than asked for, as servers do that have a limit of their own
    const limited = await serving((request, response) => {
      const { searchParams } = new URL(request.url!, 'http://x');
      const offset = Number(searchParams.get('offset'));
      json(many.slice(offset, Math.min(offset + 30, 70)))(request, response);
    });
    const uids = (await all(limited.web().studies(new URLSearchParams()))).map(({ uid }) => uid);
    expect(uids).toEqual(Array.from({ length: 70 }, (_, i) => `1.2.${i}`));
    close!();
    const none = await serving((_, response) => response.writeHead(204).end());
    expect(await all(none.web().studies(new URLSearchParams()))).toEqual([]);
  });

  it('takes series of CT only', async () => {
    const series = (uid: string, modality: string) => ({
      '0020000E': { Value: [uid] },
      '00080060': { Value: [modality] },
      '00201209': { Value: [12] },
    });
    const { web } = await serving(json([series('1.1', 'CT'), series('1.2', 'SR')]));
    expect(await web().series('1')).toEqual([{ uid: '1.1', images: 12 }]);
  });

  it('counts the images of a series where the server does not tell how many it has', async () => {
    const image = (i: number) => ({ '00080018': { Value: [`1.1.${i}`] } });
    const { web, asked } = await serving(
      ...[
        json([{ '0020000E': { Value: ['1.1'] }, '00080060': { Value: ['CT'] } }]),
        json([image(1), image(2)]),
      ],
      ...[json([image(2), image(3)]), json([]), json([])],
    );
    expect(await web().series('1')).toEqual([{ uid: '1.1', images: 3 }]);
    expect(asked[1]!.url).toMatch(/\/studies\/1\/series\/1\.1\/instances\?/);
  });

  const parts = (...texts: string[]) =>
    `${texts.map((text) => `--b\r\nContent-Type: application/dicom\r\n\r\n${text}\r\n`).join('')}--b--\r\n`;
  const multipart =
    (text: string, length = text.length): Answer =>
    (_, response) => {
      response.writeHead(200, {
        'Content-Type': 'multipart/related; type="application/dicom"; boundary=b',
        'Content-Length': length,
      });
      response.write(text);
      if (length === text.length) response.end();
      else setTimeout(() => response.destroy(), 50);
    };

  it('takes no part of a series for all of it, and no preamble for a part', async () => {
    const type = 'multipart/related; type="application/dicom"; boundary="b c"';
    const body = parts('one', 'two').replaceAll('--b', '--b c');
    const taken: string[] = [];
    const fetched = (web: DicomWeb) =>
      web.fetchSeries(
        { study: '1', series: '1.1' },
        async () => void taken.splice(0),
        async (bytes) => void taken.push(Buffer.from(bytes).toString()),
      );
    const sent = (code: number, text: string, size = 1) =>
      serving((_, response) => {
        response.writeHead(code, { 'Content-Type': type });
        // in pieces that cut the boundary, too
        for (let i = 0; i < text.length; i += size) response.write(text.slice(i, i + size));
        response.end();
      });
    for (const before of ['\r\n', 'This is a multi-part message.\r\n', '--b\r\n--b d\r\n']) {
      await fetched((await sent(200, before + body)).web());
      expect(taken).toEqual(['one', 'two']);
      close!();
    }
    await expect(fetched((await sent(206, body)).web())).rejects.toThrow(
      'the server returned only a part of the series',
    );
    close!();
    await expect(fetched((await sent(200, 'x'.repeat(70_000), 10_000)).web())).rejects.toThrow(
      'expected the boundary of a multipart response within 65536 bytes',
    );
  });

  it('fetches a series file by file, and begins anew when a response is truncated', async () => {
    const whole = parts('one', 'two\r\n--a', 'three');
    const { web, retries } = await serving(multipart(whole.slice(0, 60), whole.length), multipart(whole));
    const taken: string[] = [];
    const begin = async () => void taken.splice(0);
    const take = async (bytes: Uint8Array) => void taken.push(Buffer.from(bytes).toString());
    await web().fetchSeries({ study: '1', series: '1.1' }, begin, take);
    expect(taken).toEqual(['one', 'two\r\n--a', 'three']);
    expect(retries).toHaveLength(1);
    expect(retries[0]).toMatch(/^\/studies\/1\/series\/1\.1: .*; retrying in/);
  });

  it('stores objects, and takes those that the server has for stored', async () => {
    const failure = (reason: number) => ({ '00081198': { Value: [{ '00081197': { Value: [reason] } }] } });
    const { web, asked } = await serving(json({}), json(failure(0x0111), 409), json(failure(0xa900), 409));
    const objects = [Uint8Array.of(1, 13, 10, 2), Uint8Array.of(3)];
    await web().store('1.2', objects);
    const response = new Response(Buffer.from(asked[0]!.text, 'latin1'), { headers: { 'Content-Type': asked[0]!.headers['content-type']! } }); // prettier-ignore
    expect(await all(partsOf(response))).toEqual(objects);
    expect([asked[0]!.method, asked[0]!.url]).toEqual(['POST', '/dicom-web/studies/1.2']);
    await web().store('1.2', objects);
    await expect(web().store('1.2', objects)).rejects.toThrow('/studies/1.2: the server refused 1 of 2 objects, reason 0xa900'); // prettier-ignore
    expect(asked).toHaveLength(3);
  });

  it('sends large objects one at a time', async () => {
    const { web, asked } = await serving(json({}));
    await web().store(
      '1',
      Array.from({ length: 3 }, () => new Uint8Array(5 * 2 ** 20)),
    );
    expect(asked).toHaveLength(3);
  });

  it('tries again what may pass, longer apart each time, and nothing else', async () => {
    const busy = await serving(status(503), status(429), json([]));
    await busy.web().series('1');
    expect(busy.retries.map((line) => /status \d+/.exec(line)![0])).toEqual(['status 503', 'status 429']);
    close!();
    const down = await serving(status(500));
    await expect(down.web().series('1')).rejects.toThrow(
      '/studies/1/series: the server responded with status 500',
    );
    expect(down.asked).toHaveLength(6);
    close!();
    const forbidden = await serving(status(401));
    const error = await forbidden
      .web()
      .series('1')
      .catch((one: Error) => one);
    expect(`${(error as Error).message} ${forbidden.retries.join()}`).not.toContain('Mustermann');
    expect(forbidden.asked).toHaveLength(1);
  });

  it('waits as long as it is asked to', async () => {
    const later: Answer = (_, response) => response.writeHead(503, { 'Retry-After': '0.2' }).end();
    const { web, retries } = await serving(later, json([]));
    const begun = Date.now();
    await web().series('1');
    expect(Date.now() - begun).toBeGreaterThanOrEqual(190);
    expect(retries[0]).toContain('retrying in 0.2 s');
  });

  it('asks for the authorization before each request, and sends it nowhere without encryption', async () => {
    const { web, asked } = await serving(json([]));
    let tokens = 0;
    const client = web({ authorization: async () => `Bearer ${++tokens}` });
    await client.series('1');
    await client.series('1');
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    const authorization = async () => 'Bearer 1';
    expect(() => new DicomWeb({ server: 'http://pacs.example/dicom-web', authorization })).toThrow(
      'server: expected https:// if an authorization is sent',
    );
    expect(() => new DicomWeb({ server: 'pacs.example' })).toThrow('an address that begins with https://');
    expect(() => new DicomWeb({ server: 'https://me:secret@pacs.example' })).toThrow(/without name and password, received "pacs.example"$/); // prettier-ignore
  });

  it('says what came in place of a list or of files', async () => {
    const { web } = await serving((_, response) => response.writeHead(200).end('<html>'));
    await expect(web().series('1')).rejects.toThrow('expected a list as JSON, received something else');
    await expect(web().fetchSeries({ study: '1', series: '2' }, async () => undefined, async () => undefined)).rejects.toThrow("expected a response of type multipart/related, received ''"); // prettier-ignore
  });
});
