"""PyTorch's side of the benches: runs one request per line, and answers with the time in ms."""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
DEVICE = sys.argv[2] if len(sys.argv) > 2 else 'cpu'
if DEVICE != 'cpu':
    torch.set_default_device(DEVICE)  # from PyTorch 2.0 on
torch.manual_seed(1)


def training_step(module, make_input, loss_of, rate=1e-4):
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    x = make_input()

    def run():
        optimizer.zero_grad()
        loss_of(module(x)).backward()
        optimizer.step()

    return run


def forward(module, make_input):
    x = make_input()
    module.eval()

    def run():
        with torch.no_grad():
            module(x)

    return run


class Features(nn.Module):
    """Convolutions, then the mean over space."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).mean((2, 3))


def vgg16():
    layers, channels = [], 3
    for filters in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        if filters == 0:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
            channels = filters
    return Features(*layers)


class Fire(nn.Module):
    def __init__(self, channels, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


def squeezenet1_1():
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    return Features(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(),
        Fire(64, 16, 64), Fire(128, 16, 64), pool(),
        Fire(128, 32, 128), Fire(256, 32, 128), pool(),
        Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
    )


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18():
    blocks, channels = [], 64
    for filters in [64, 128, 256, 512]:
        for i in range(2):
            blocks.append(Block(channels, filters, 2 if i == 0 and filters > 64 else 1))
            channels = filters
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return Features(*stem, *blocks)


BACKBONES = {'vgg16': vgg16, 'squeezenet1_1': squeezenet1_1, 'resnet18': resnet18}


def make_backbone_forward(params):
    size = params['size']
    return forward(BACKBONES[params['backbone']](), lambda: torch.randn(params['slices'], 3, size, size))


def make_backbone_step(params):
    size = params['size']
    module = BACKBONES[params['backbone']]()
    if params.get('frozenBatchNorm'):
        module.eval()  # stored statistics; gradients flow all the same
    return training_step(
        module, lambda: torch.randn(params['slices'], 3, size, size), lambda y: (y ** 2).mean()
    )


def make_asymmetric_loss(params):
    """The authors' formula (https://github.com/Alibaba-MIIL/ASL), mean over entries, `repeats` times."""
    clip, gamma_pos, gamma_neg = params['clip'], params['gammaPos'], params['gammaNeg']
    x = (2 * torch.randn(params['rows'], 5)).requires_grad_(params['backward'])
    y = (torch.rand(params['rows'], 5) < 0.2).float()

    def loss():
        p = torch.sigmoid(x)
        not_p = (1 - p + clip).clamp(max=1)
        entropy = y * torch.log(p.clamp(min=1e-8)) + (1 - y) * torch.log(not_p.clamp(min=1e-8))
        pt = p * y + not_p * (1 - y)
        gamma = gamma_pos * y + gamma_neg * (1 - y)
        return -(entropy * torch.pow(1 - pt, gamma)).mean()

    def run():
        for _ in range(params['repeats']):
            if params['backward']:
                x.grad = None
                loss().backward()
            else:
                loss()

    return run


def make_adam(params):
    weights = [torch.randn(shape).requires_grad_() for shape in params['shapes']]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    return torch.optim.Adam(weights, lr=1e-4).step


def make_sum(params):
    x = torch.randn(params['shape'])
    return lambda: x.sum(params['axes'])


class Gru(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.gru = nn.GRU(features, units, bidirectional=True, batch_first=True)

    def forward(self, x):
        return self.gru(x)[0]


class Decoder(nn.Module):
    """The feature sets the state of an LSTM that takes one step a label, on zeros."""

    def __init__(self, features, labels, units):
        super().__init__()
        self.init = nn.Linear(features, units)
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.out = nn.Linear(units, 1)
        self.labels = labels

    def forward(self, x):
        h = self.init(x).unsqueeze(0)
        zeros = torch.zeros(x.shape[0], self.labels, 1)
        return self.out(self.lstm(zeros, (h, torch.zeros_like(h)))[0]).squeeze(-1)


def gru(params):
    module = Gru(params['features'], params['units'])
    return module, lambda: torch.randn(1, params['slices'], params['features'])


def decoder(params):
    module = Decoder(params['features'], params['labels'], params['units'])
    return module, lambda: torch.randn(params['slices'], params['features'])


def mean_square(y):
    return (y ** 2).mean()


def gradients(module, make_input):
    x = make_input()

    def run():
        module.zero_grad()
        mean_square(module(x)).backward()

    return run


def make_gru_forward(params):
    return forward(*gru(params))


def make_gru_step(params):
    return training_step(*gru(params), mean_square)


def make_gru_gradients(params):
    return gradients(*gru(params))


def make_decoder_forward(params):
    return forward(*decoder(params))


def make_decoder_step(params):
    return training_step(*decoder(params), mean_square)


def make_decoder_gradients(params):
    return gradients(*decoder(params))


def main():
    print(torch.__version__, flush=True)
    made = {}
    for line in sys.stdin:
        key = line.strip()
        if key not in made:
            job = json.loads(key)
            made[key] = globals()['make_' + job['name']](job['params'])
        start = time.perf_counter()
        made[key]()
        if DEVICE == 'cuda':
            torch.cuda.synchronize()
        print((time.perf_counter() - start) * 1000, flush=True)


main()
