# SPDX-License-Identifier: Apache-2.0
# description.py - the market's description as its tests use it: requests made from its schemas, answers held against them
#
# Answers are judged by python3-jsonschema (JSON Schema 2020-12, the dialect of OpenAPI 3.1), not by anything written here.
import http.client, json, random, re, ssl, urllib.parse, uuid
import jsonschema

METHODS = ('get', 'post', 'put', 'delete', 'patch')
formats = jsonschema.FormatChecker(formats=())
formats.checks('uuid')(lambda v: not isinstance(v, str) or bool(re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', v)))
formats.checks('date-time')(lambda v: not isinstance(v, str) or bool(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', v)))
ODD = [None, True, -1, 0, 1, 2**31, 2**53, 2**63, 1e300, 0.5, '', 'x', '\u0000', '\U0001F600', "';--", '../../etc/passwd', '%', 'x' * 300, 'x' * 5000,
       [], {}, [[]], [{}], {'': 0}]


class Description:
    def __init__(self, path, seed=0):
        self.api = json.load(open(path))
        self.rnd = random.Random(seed)
        self.seen = [str(uuid.UUID(int=self.rnd.getrandbits(128), version=4)), '0' * 64]  # ids, more of which come with answers
        self.validators = {}

    def operations(self):
        for template, methods in self.api['paths'].items():
            for method, operation in methods.items():
                if method in METHODS:
                    yield template, method.upper(), operation

    def resolve(self, node):
        while isinstance(node, dict) and '$ref' in node:
            at = self.api
            for part in node['$ref'][2:].split('/'):
                at = at[part]
            node = at
        return node or {}

    def parameters(self, operation, where):
        return [p for p in map(self.resolve, operation.get('parameters', [])) if p['in'] == where]

    # ---- making ----
    def of_pattern(self, pattern):
        for text in ('DE', 'price', '0' * 64, '0' * 128, '000000', 'a1', self.rnd.choice(self.seen), '52:54:00:12:34:56', 'sha256//x'):
            if re.search(pattern, text):
                return text
        return 'x'

    def make(self, schema, depth=0):
        rnd, schema = self.rnd, self.resolve(schema)
        if 'const' in schema:
            return schema['const']
        if 'enum' in schema:
            return rnd.choice(schema['enum'])
        if schema.get('examples') and rnd.random() < 0.5:
            return json.loads(json.dumps(schema['examples'][0]))
        kind = schema.get('type', 'object')
        kind = rnd.choice(kind) if isinstance(kind, list) else kind
        if kind == 'object':
            wanted = schema.get('required', [])
            return {k: self.make(v, depth + 1) for k, v in schema.get('properties', {}).items() if k in wanted or rnd.random() < 0.4}
        if kind == 'array':
            return [self.make(schema.get('items', {}), depth + 1) for _ in range(rnd.randint(schema.get('minItems', 0), min(schema.get('maxItems', 3), 3)))]
        if kind == 'integer':
            low, high = schema.get('minimum', 0), schema.get('maximum', 2**53 - 1)
            return rnd.choice([low, high, min(low + 1, high), rnd.randint(low, high), rnd.randint(low, min(high, low + 1000))])
        if kind == 'boolean':
            return rnd.random() < 0.5
        if kind == 'null':
            return None
        made = {'uuid': lambda: rnd.choice(self.seen), 'date-time': lambda: '2026-01-02T03:04:05Z', 'email': lambda: 'p%d@example.org' % rnd.randrange(50)}
        if schema.get('format') in made:
            return made[schema['format']]()
        if 'pattern' in schema:
            return self.of_pattern(schema['pattern'])
        return rnd.choice(['a', 'desk', 'Ümlaut', 'manual', 'x' * min(schema.get('maxLength', 20), 64)]).ljust(schema.get('minLength', 0), 'y')

    # ---- judging ----
    def wrong(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator({**schema, 'components': self.api['components']}, format_checker=formats)
        for error in self.validators[key].iter_errors(value):
            return '/%s: %s' % ('/'.join(map(str, error.absolute_path)), error.message[:200])
        return None

    def judge(self, operation, status, kind, data):
        """What is wrong with an answer, or None."""
        described = operation['responses'].get(str(status))
        if status >= 500 and status != 503:
            return 'status %d' % status
        if described is None:
            return 'status %d is not described' % status
        content = self.resolve(described).get('content', {})
        if not content:
            return 'status %d: a body where none is described' % status if data and status != 200 else None
        if data and kind.split(';')[0] not in content and '*/*' not in content:
            return 'status %d: %s is not described' % (status, kind)
        if 'json' not in kind:
            return None
        try:
            value = json.loads(data)
        except ValueError:
            return 'status %d: no JSON' % status
        self.collect(value)
        found = self.wrong(content[kind.split(';')[0]].get('schema', {}), value)
        return found and 'status %d: %s' % (status, found)

    def collect(self, value):
        if isinstance(value, dict):
            for k, v in value.items():
                if k in ('id', 'order', 'machine', 'lease', 'account', 'seller') and isinstance(v, str) and len(v) in (36, 64) and len(self.seen) < 200:
                    self.seen.append(v)
                self.collect(v)
        if isinstance(value, list):
            for item in value:
                self.collect(item)


class Market:
    """One connection; length None: no Content-Length is sent, an integer: that one, and no body."""

    def __init__(self, url):
        self.place, self.connection = urllib.parse.urlsplit(url), None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, method, path, body=None, headers={}, length=False):
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.place.hostname, self.place.port, timeout=30, context=ssl._create_unverified_context())
            try:
                if length is False:
                    self.connection.request(method, path, body, headers)
                else:
                    self.connection.putrequest(method, path)
                    for name, value in headers.items():
                        self.connection.putheader(name, value)
                    if length is not None:
                        self.connection.putheader('Content-Length', str(length))
                    self.connection.endheaders()
                answer = self.connection.getresponse()
                done = answer.status, answer.getheader('Content-Type') or '', answer.read(), answer.getheader('ETag')
                if length is not False:
                    self.close()
                return done
            except (http.client.HTTPException, OSError):  # the market closes a connection whose body it does not want
                self.close()
                if attempt == 2:
                    raise
