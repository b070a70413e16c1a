/* Sweep files that are wrong, and everything that is said about each: "LINE:COLUMN: kind: message"
 * a line. Included by test_sweep.c alone. */
#define HEAD "name: x\ndataset: mnist\nmodel: mnist-cnn\n"
#define TRAIN "train: {epochs: 1}\n"
#define DATASET(what) "name: x\ndataset: " what "\nmodel: mnist-cnn\n" TRAIN

static const struct {
    const char *text, *said;
} bad_sweeps[] = {
    {"", "1:1: error: a sweep file is a mapping (name, dataset, model, train, grid, ...)\n"},
    {"[1, 2]\n",
     "1:1: error: a sweep file is a mapping (name, dataset, model, train, grid, ...)\n"},
    {"name: x\n", " error: the sweep has no 'dataset'\n"
                  " error: the sweep has no 'model'\n"
                  " error: the sweep has neither 'train.epochs' nor 'train.steps'\n"},
    {HEAD, " error: the sweep has neither 'train.epochs' nor 'train.steps'\n"},
    {"just text\n",
     "1:1: error: a sweep file is a mapping (name, dataset, model, train, grid, ...)\n"},
    {"name: last\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: 'last' means the newest sweep and names none\n"},
    {"name: j17\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: 'j17' means a job and names no sweep\n"},
    {"name: 7up\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: a sweep's name starts with a letter and holds letters, digits, '.', '_' and '-' "
     "only\n"},
    {"name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\ndataset: "
     "mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: a sweep's name has 1 to 64 characters, not 65\n"},
    {"name: [a]\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: 'name' must be text, not a list\n"},
    {"name: ../x\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: a sweep's name starts with a letter and holds letters, digits, '.', '_' and '-' "
     "only\n"},
    {"name: \"x\\n\"\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "1:7: error: a sweep's name starts with a letter and holds letters, digits, '.', '_' and '-' "
     "only\n"},
    {HEAD TRAIN "lamda: 1\n", "5:1: error: unknown key 'lamda' (did you mean 'lambda'?)\n"},
    {HEAD TRAIN "loss: {lamda: 1}\n", "5:8: error: unknown key 'lamda' (did you mean 'lambda'?)\n"},
    {HEAD TRAIN "grid:\n  lamda: [1]\n",
     "6:3: error: unknown axis 'lamda' (did you mean 'lambda'?)\n"},
    {HEAD TRAIN "lambda: 1\n", "5:1: error: 'lambda' belongs under 'loss' or 'grid'\n"},
    {HEAD "train: {epochs: 1, sigma: 0.1}\n",
     "4:20: error: 'sigma' belongs under 'loss', not 'train'\n"},
    {HEAD TRAIN "seed: 3\n", "5:1: error: unknown key 'seed' (did you mean 'seeds'?)\n"},
    {HEAD TRAIN "grids: []\n", "5:1: error: 'grids' is not supported by this version\n"},
    {HEAD "train: {epochs: 1, nesterov: true}\n",
     "4:30: error: train.nesterov needs a momentum greater than 0\n"},
    {HEAD "train: {epochs: 1, schedule: {kind: steps}}\n",
     "4:37: error: the schedule steps needs train.schedule.at\n"},
    {HEAD "train: {epochs: 1, schedule: {at: [1, 2]}}\n",
     "4:35: error: train.schedule.at needs the schedule steps\n"},
    {HEAD "train: {epochs: 1, schedule: {kind: step}}\n",
     "4:37: error: unknown train.schedule.kind 'step' (did you mean 'steps'?)\n"},
    {HEAD "train: {epochs: 1, schedule: cosine}\n",
     "4:30: error: 'train.schedule' must be a mapping, not text\n"},
    {HEAD "train: {epochs: 1, schedule: {kind: steps, at: [3, 3]}}\n",
     "4:52: error: train.schedule.at has the value 3 twice\n"},
    {HEAD TRAIN "grid: {train.schedule.at: [1, 2]}\n",
     "5:8: error: 'train.schedule.at' is a list and no axis; give it under 'train'\n"},
    {HEAD TRAIN "grid: {sigma: 0.1, control: [noise-augmentation, noisy-bn]}\n",
     "5:50: error: the axis control takes one control; ask for several under 'baseline'\n"
     "5:50: error: the control noisy-bn needs a network with batch normalisation, and mnist-cnn "
     "has "
     "none\n"},
    {"name: x\ndataset: mnist\nmodel: {name: resnet20, bn_running: clean}\n" TRAIN
     "loss: {sigma: 0.1}\nbaseline: noisy-bn\n",
     "3:37: error: with bn_running clean the control noisy-bn is standard training\n"},
    {HEAD TRAIN "loss: {penalty: hinges}\n",
     "5:17: error: unknown loss.penalty 'hinges' (did you mean 'hinge'?)\n"},
    {HEAD TRAIN "grid: {zip: [[k, sigma]]}\n",
     "5:8: error: 'grid.zip' is not supported by this version\n"},
    {HEAD TRAIN "grid: [{}]\n", "5:7: error: a list of grids is not supported by this version\n"},
    {HEAD TRAIN "run: {priority: 3}\n",
     "5:7: error: 'run.priority' is not supported by this version\n"},
    {HEAD TRAIN "run: {max_attempt: 3}\n",
     "5:7: error: unknown key 'max_attempt' (did you mean 'max_attempts'?)\n"},
    {HEAD TRAIN "run: {zzz: 3}\n", "5:7: error: unknown key 'zzz' (known: max_attempts, reuse)\n"},
    {"name: x\ndataset: mnits\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "2:10: error: unknown data set 'mnits' (did you mean 'mnist'?)\n"},
    {"name: x\ndataset: cifar10\nmodel: resnet21\ntrain: {epochs: 1}\n",
     "3:8: error: there is no model resnet21: residual networks have 6n + 2 layers, 8 to 110\n"},
    {DATASET("{path: /d, classes: 3}"),
     "2:17: error: dataset.path needs a dataset.format: idx, cifar or stl\n"},
    {DATASET("{path: /d, format: idx}"),
     "2:17: error: dataset.path needs dataset.classes, the number of classes\n"},
    {DATASET("{path: /d, format: idx, classes: 1}"),
     "2:43: error: dataset.classes must be at least 2, not 1\n"},
    {DATASET("{path: /d, format: idx, classes: 257}"),
     "2:43: error: dataset.classes must be at most 256, not 257\n"},
    {DATASET("{path: /d, format: id, classes: 3}"),
     "2:29: error: unknown dataset.format 'id' (did you mean 'idx'?)\n"},
    {DATASET("{path: /d, format: idx, classes: 3, class_names: [a, b]}"),
     "2:59: error: dataset.class_names has 2 names for 3 classes\n"},
    {DATASET("{path: /d, format: idx, classes: 2, class_names: [a, ~]}"),
     "2:63: error: dataset.class_names takes names of one line, not nothing\n"},
    {DATASET("{path: /d, format: idx, classes: 2, class_names: [a, \"b\\tc\"]}"),
     "2:59: error: dataset.class_names holds a control character\n"},
    {DATASET("{path: /d, format: idx, classes: 2, class_names: a}"),
     "2:59: error: dataset.class_names must be a list of names, not text\n"},
    {DATASET("{path: \"/d\\ne\", format: idx, classes: 2, name: x}"),
     "2:17: error: dataset.path holds a control character\n"},
    {DATASET("{path: /, format: idx, classes: 3}"), "2:17: error: dataset.name is missing\n"},
    {DATASET("{name: a b, path: /d, format: idx, classes: 3}"),
     "2:17: error: dataset.name may hold letters, digits, '.', '_' and '-' only, and starts with a "
     "letter, a digit or '_'\n"},
    {DATASET("{name: mnist, path: /d, format: idx, classes: 3}"),
     "2:17: error: mnist is a data set of this program: give yours at dataset.path another "
     "dataset.name\n"},
    {DATASET("{path: /d/mnist, format: idx, classes: 3}"),
     "2:17: error: mnist is a data set of this program: give yours at dataset.path another "
     "dataset.name\n"},
    {DATASET("{name: mnist, classes: 3}"),
     "2:33: error: dataset.classes is for a data set of your own, and needs dataset.path\n"},
    {DATASET("{name: mnist, format: stl}"),
     "2:32: error: dataset.format is for a data set of your own, and needs dataset.path\n"},
    {DATASET("{name: mnist, class_names: [a]}"),
     "2:37: error: dataset.class_names is for a data set of your own, and needs dataset.path\n"},
    {DATASET("{name: stl10, resize: 40}"),
     "2:32: error: dataset.resize 40 is no divisor of 96, the side of images of stl10\n"},
    {DATASET("{name: stl10, resize: 0}"),
     "2:32: error: dataset.resize must be at least 1, not 0\n"},
    {DATASET("{path: /d, format: cifar, classes: 3, resize: 64}"),
     "2:56: error: dataset.resize 64 is no divisor of 32, the side of images of d\n"},
    {DATASET("stl10") "grid: {dataset.resize: [96, 32, 64]}\n",
     "5:33: error: dataset.resize 64 is no divisor of 96, the side of images of stl10\n"},
    {"name: x\nmodel: mnist-cnn\ntrain: {epochs: 1}\ndataset: {resize: 32}\ngrid: {dataset: "
     "[stl10, "
     "cifar10, mnist]}\n",
     "4:19: error: dataset.resize 32 is no divisor of 28, the side of images of mnist\n"},
    {"name: x\nmodel: mnist-cnn\ntrain: {epochs: 1}\ndataset: {path: /d, format: idx, classes: "
     "2}\ngrid: {dataset: [mnist, glyphs]}\n",
     "5:8: error: dataset.path tells what one data set is, and the data set is an axis\n"},
    {DATASET("mnist") "grid: {dataset.path: [a, b]}\n",
     "5:8: error: 'dataset.path' is no axis: it tells what one data set is; give it under "
     "'dataset'\n"},
    {DATASET("{name: mnist, augment: 3}"),
     "2:33: error: 'dataset.augment' must be a mapping, not a number\n"},
    {DATASET("{name: mnist, augment: {flip: yes}}"),
     "2:40: error: unknown dataset.augment.flip 'yes' (known: false, true)\n"},
    {DATASET("{name: mnist, augment: {flips: true}}"),
     "2:34: error: unknown key 'flips' (did you mean 'flip'?)\n"},
    {DATASET("{name: mnist, augment: {crop_padding: 65}}"),
     "2:48: error: dataset.augment.crop_padding must be at most 64, not 65\n"},
    {"name: x\ndataset: mnist\nmodel: mnist_cnn\ntrain: {epochs: 1}\n",
     "3:8: error: unknown model 'mnist_cnn' (did you mean 'mnist-cnn'?)\n"},
    {"name: x\ndataset: mnist\nmodel: [mnist-cnn]\ntrain: {epochs: 1}\n",
     "3:8: error: 'model' must be a mapping or a name, not a list\n"},
    {"name: x\ndataset: {fraction: 0.5}\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     " error: the sweep has no 'dataset'\n"},
    {HEAD TRAIN "loss: {lambda: -1}\n", "5:16: error: lambda must be at least 0, not -1\n"},
    {HEAD TRAIN "grid: {lambda: [0.1, -0.1], k: 0.1, sigma: [0.1, -0.2]}\n",
     "5:22: error: lambda must be at least 0, not -0.1\n"
     "5:50: error: sigma must be at least 0, not -0.2\n"},
    {HEAD TRAIN "grid: {lambda: 1, k: 0.1, sigma: [0.1, 1e-5]}\n",
     "5:40: error: sigma must be 0 or at least 0.0001, not 1e-5: the quotient's float32 error "
     "grows as 1/sigma\n"},
    {HEAD TRAIN "test: {sigma: [0, 1e-5, -1]}\n",
     "5:19: error: test.sigma must be 0 or at least 0.0001, not 1e-5: the quotient's float32 error "
     "grows as 1/sigma\n"
     "5:25: error: test.sigma must be at least 0, not -1\n"},
    {HEAD TRAIN "test: {sigma: [0, 0.4, 0.4]}\n",
     "5:24: error: test.sigma has the value 0.4 twice\n"},
    {HEAD "train: {epochs: 1, batch: 0}\n", "4:27: error: batch must be at least 1, not 0\n"},
    {HEAD "train: {epochs: 1.5}\n", "4:17: error: epochs must be a whole number, not 1.5\n"},
    {HEAD "train: {epochs: 0}\n", "4:17: error: epochs must be at least 1, not 0\n"},
    {HEAD "train: {epochs: yes}\n", "4:17: error: epochs must be a number, not 'yes'\n"},
    {HEAD "train: {epochs: \"5\"}\n",
     "4:17: error: epochs must be a number, not '5' (without the quotes)\n"},
    {HEAD "train: {epochs: 1, lr: '0,05'}\n",
     "4:24: error: lr must be a number, not '0,05' (a decimal point, not a comma)\n"},
    {HEAD "train: {epochs: 1, lr: [0.1, 0.2]}\n",
     "4:24: error: lr must be one number here; several values go under grid\n"},
    {HEAD "train: {epochs: 1, lr: .inf}\n", "4:24: error: lr must be a finite number, not inf\n"},
    {HEAD "train: {epochs: 1, lr:}\n",
     "4:22: error: found unexpected ':' (while scanning a plain scalar, line 4)\n"},
    {HEAD "train: {epochs: 1, optimizer: sdg}\n",
     "4:31: error: unknown train.optimizer 'sdg' (did you mean 'sgd'?)\n"},
    {HEAD "train: {epochs: 1, momentum: 1}\n",
     "4:30: error: train.momentum must be less than 1, not 1\n"},
    {"name: x\ndataset: {name: mnist, fraction: 0}\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "2:34: error: fraction must be greater than 0, not 0\n"},
    {HEAD TRAIN "grid: {lambda: []}\n", "5:16: error: lambda has no value\n"},
    {HEAD TRAIN "grid: {lambda: }\n", "5:16: error: lambda has no value\n"},
    {HEAD TRAIN "grid: {lambda: [0.1, 1, 0.1], k: 0.1, sigma: 0.1}\n",
     "5:25: error: lambda has the value 0.1 twice\n"},
    {HEAD TRAIN "grid: {lambda: [0, -0]}\n", "5:20: error: lambda has the value 0 twice\n"},
    {HEAD TRAIN "grid: {dataset: [mnist, mnist]}\n",
     "5:8: error: 'dataset' is an axis here and has a value on line 2; keep one\n"
     "5:25: error: dataset has the value 'mnist' twice\n"},
    {HEAD TRAIN "seeds: [1, 2, 1]\n", "5:15: error: seed has the value 1 twice\n"},
    {HEAD TRAIN "seeds: 0\n",
     "5:8: error: 'seeds' must be a whole number greater than 0 or a list of seeds\n"},
    {HEAD TRAIN "seeds: []\n", "5:8: error: seed has no value\n"},
    {HEAD TRAIN "seeds: 2.5\n",
     "5:8: error: 'seeds' must be a whole number greater than 0 or a list of seeds\n"},
    {HEAD TRAIN "seeds: {count: 5, independent: true}\n",
     "5:8: error: 'seeds' as a mapping is not supported by this version\n"},
    {HEAD TRAIN "seeds: 5\ngrid: {seed: [1, 2]}\n",
     "6:8: error: the seed is an axis here, and seeds are given on line 5; keep one\n"},
    {HEAD TRAIN "grid: {seed: [1, 2]}\nseeds: 5\n",
     "6:1: error: the seed is an axis on line 5, and seeds are given here; keep one\n"},
    {HEAD TRAIN "grid: {lambda: [a, 1], k: 0.1, sigma: 0.1}\n",
     "5:17: error: lambda must be a number, not 'a'\n"},
    {HEAD TRAIN "grid: {test.sigma: [0, 0.1]}\n",
     "5:8: error: 'test.sigma' is no axis: every job is tested at all its values; give them under "
     "'test'\n"},
    {HEAD TRAIN "grid: {dataset.digest: [a]}\n",
     "5:8: error: unknown axis 'dataset.digest' (known: dataset, dataset.resize, "
     "dataset.augment.crop_padding, dataset.augment.flip, dataset.validation_count, "
     "dataset.train_count, fraction, model, model.shortcut, model.bn_passes, model.bn_running, "
     "lambda, k, sigma, loss.penalty, loss.output, loss.grad_through, control, epochs, steps, "
     "batch, "
     "train.optimizer, lr, train.momentum, train.nesterov, train.weight_decay, train.decay_norms, "
     "train.beta1, train.beta2, train.eps, train.schedule.kind, train.schedule.factor, "
     "train.schedule.warmup_epochs, seed)\n"},
    {HEAD TRAIN "grid: {lambda: 1, loss.lambda: 2, k: 0.1, sigma: 0.1}\n",
     "5:19: error: the axis 'lambda' stands here twice (first on line 5)\n"},
    {HEAD TRAIN "loss: {lambda: 1, sigma: 0.1}\ngrid: {lambda: [1, 2], k: 0.1}\n",
     "6:8: error: 'lambda' is an axis here and has a value on line 5; keep one\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5}}\n",
     "5:11: error: a range needs 'from', 'to' and either 'count' or 'step'\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, count: 3, step: 0.1}}\n",
     "5:11: error: a range needs 'from', 'to' and either 'count' or 'step'\n"},
    {HEAD TRAIN "grid: {k: {from: 0.5, to: 0.1, count: 3}}\n",
     "5:27: error: 'to' must not be less than 'from'\n"},
    {HEAD TRAIN "grid: {k: {from: 0, to: 0.5, count: 3, scale: log}}\n",
     "5:18: error: a log scale starts above 0\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, count: 0}}\n",
     "5:39: error: count must be a whole number greater than 0\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, count: 1}}\n",
     "5:39: error: a count of 1 needs 'from' and 'to' to be equal\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, step: 0}}\n",
     "5:38: error: step must be greater than 0\n"},
    {HEAD TRAIN "grid: {k: {form: 0.1, to: 0.5, step: 0.1}}\n",
     "5:12: error: unknown key 'form' (did you mean 'from'?)\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, count: 3, scale: logarithmic}}\n",
     "5:49: error: unknown scale 'logarithmic' (known: linear, log)\n"},
    {HEAD TRAIN "grid: {k: {from: 0.1, to: 0.5, step: 0.1, scale: log}}\n",
     "5:38: error: 'step' needs a linear scale; give 'count'\n"},
    {HEAD TRAIN
     "grid: {batch: {from: 1, to: 10, count: 4}, sigma: {from: 0, to: 1e-4, count: 3}}\n",
     "5:51: error: sigma must be 0 or at least 0.0001, not 5e-5: the quotient's float32 error "
     "grows as 1/sigma\n"},
    {HEAD TRAIN "grid: {k: {from: a, to: 0.5, count: 3}}\n",
     "5:18: error: from must be a number, not 'a'\n"},
    {HEAD TRAIN "grid: {lambda: 1, k: {from: 0.1, to: 0.5, step: 0.3}, sigma: 0.1}\n",
     "5:49: warning: this step ends at 0.4, not at 0.5\n"},
    {HEAD TRAIN "grid: {k: {from: 1, to: 1.0000000000001, count: 5}}\n",
     "5:11: error: values of this range are equal to 12 digits\n"},
    {HEAD TRAIN "grid:\n  lambda: {from: 0, to: 1, count: 1000000}\n  k: {from: 0, to: 1, count: "
                "1000000}\n  sigma: 0.1\n",
     "6:3: error: 1000000000000 jobs (1000000 lambda x 1000000 k x 1 sigma x 1 seed); at most "
     "10000000 are allowed\n"},
    {HEAD TRAIN "seeds: 10000001\n",
     "5:1: error: 10000001 jobs (10000001 seeds); at most 10000000 are allowed\n"},
    {HEAD TRAIN "grid: {k: {from: 0, to: 1, count: 1e20}}\n",
     "5:11: error: a range of more than 1e15 values\n"},
    {HEAD TRAIN "baseline: true\ngrid: {lr: {from: 0.1, to: 1, count: 6000000}}\n",
     "6:7: error: 12000000 jobs (6000000 lr x 1 seed, and baselines); at most 10000000 are "
     "allowed\n"},
    {HEAD TRAIN "grid: {lambda: [0, 1], k: 0.1, sigma: [0.1, 0]}\n",
     "5:45: error: sigma must be greater than 0 where lambda is\n"},
    {HEAD TRAIN "grid: {lambda: [0, 1]}\n", "5:20: error: a lambda greater than 0 needs a k\n"
                                            "5:20: error: a lambda greater than 0 needs a sigma\n"},
    {HEAD TRAIN "loss: {lambda: 1, k: 0.1}\n",
     "5:16: error: a lambda greater than 0 needs a sigma\n"},
    {HEAD TRAIN "loss: {lambda: 1, k: 0.1, sigma: 0}\n",
     "5:34: error: sigma must be greater than 0 where lambda is\n"},
    {HEAD TRAIN "baseline: [noise-augmentation]\n",
     "5:12: error: noise-augmentation needs a sigma\n"},
    {HEAD TRAIN "baseline: [noise-augmentation]\nloss: {sigma: 0}\n",
     "6:15: error: sigma must be greater than 0 with noise-augmentation\n"},
    {HEAD TRAIN "loss: {lambda: 1, k: 1, sigma: 0.1, control: noise-augmentation}\n",
     "5:46: error: the control noise-augmentation needs lambda 0; ask for it under 'baseline'\n"},
    {HEAD "train: {epochs: 1, steps: 5}\n",
     "4:27: error: give epochs or steps, not both (epochs are on line 4)\n"},
    {HEAD "train: {lr: 0.1}\ngrid: {steps: [10, 20], epochs: [1, 2]}\n",
     "5:8: error: give epochs or steps, not both (epochs are on line 5)\n"},
    {HEAD "train: {epochs: 1, batch: 60001}\n",
     "4:27: error: a batch of 60001 is larger than the training set of 60000 images\n"},
    {"name: x\ndataset: {name: mnist, train_count: 150}\nmodel: mnist-cnn\ntrain: {epochs: "
     "1}\ngrid: {batch: [100, 200], fraction: [1, 0.5]}\n",
     "5:16: error: a batch of 100 is larger than the training set of 75 images\n"
     "5:21: error: a batch of 200 is larger than the training set of 75 images\n"},
    {"name: x\ndataset: {name: mnist, validation_count: 60000}\nmodel: mnist-cnn\ntrain: {epochs: "
     "1}\n",
     "2:42: error: dataset.validation_count 60000 leaves none of the 60000 training images of "
     "mnist\n"},
    {"name: x\ndataset: {name: mnist, validation_count: 5000, train_count: 55001}\nmodel: "
     "mnist-cnn\ntrain: {epochs: 1}\n",
     "2:61: error: dataset.train_count 55001 is more than the remaining 55000 training images of "
     "mnist\n"},
    {"name: x\ndataset: {name: mnist, fraction: 1e-6}\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "2:34: error: dataset.fraction 1e-6 of 60000 training images rounds to none\n"},
    {HEAD TRAIN "baseline: yes\n", "5:11: error: 'yes' is text in YAML 1.2: write true\n"},
    {HEAD TRAIN "baseline: [standard, noisy-bn]\n",
     "5:22: error: the control noisy-bn needs a network with batch normalisation, and mnist-cnn "
     "has "
     "none\n5:22: error: noisy-bn needs a sigma\n"},
    {HEAD TRAIN "baseline: [standrd]\n",
     "5:12: error: unknown baseline 'standrd' (did you mean 'standard'?)\n"},
    {HEAD TRAIN "baseline: [standard, standard]\n",
     "5:22: error: baseline has the value 'standard' twice\n"},
    {HEAD TRAIN "baseline: []\n",
     "5:11: error: 'baseline' must be true, false or a list of standard, noise-augmentation and "
     "noisy-bn\n"},
    {HEAD TRAIN "run: {reuse: same-build}\n",
     "5:14: error: reuse: same-build is not supported by this version\n"},
    {HEAD TRAIN "run: {reuse: no}\n",
     "5:14: error: reuse must be true or false (YAML 1.2 knows no other words for them)\n"},
    {HEAD TRAIN "run: {max_attempts: 0}\n",
     "5:21: error: max_attempts must be a whole number from 1 to 1000\n"},
    {"name: x\ndataset: {name: mnist, digest: abc}\nmodel: mnist-cnn\ntrain: {epochs: 1}\n",
     "2:32: error: dataset.digest must be 64 lower-case hexadecimal digits\n"},
    {HEAD TRAIN "train: {epochs: 2}\n",
     "5:1: error: the key 'train' stands here twice (first on line 4)\n"
     "5:17: error: 'train.epochs' is given twice (first on line 4)\n"},
    {HEAD TRAIN "grid: {k: &a [1], sigma: *a}\n",
     "5:11: error: anchors (&) are not supported here\n"},
    {HEAD TRAIN "test: {sigma: {from: 0, to: 1, count: 65}}\n",
     "5:15: error: test.sigma takes at most 64 values, not 65\n"},
    {HEAD TRAIN "test: {seed: [1, 2, 2]}\n", "5:21: error: test.seed has the value 2 twice\n"},
    {HEAD TRAIN "loss: {k: 0.1, sigma: 0.1}\n",
     "5:11: warning: k has no effect: lambda is 0 everywhere\n"
     "5:23: warning: sigma has no effect: lambda is 0 everywhere\n"},
    {HEAD "train: {epochs: 1, beta1: 0.5}\n",
     "4:27: warning: train.beta1 has no effect with sgd\n"},
    {HEAD "train: {epochs: 1, optimizer: adam, momentum: 0.5}\n",
     "4:47: warning: train.momentum has no effect with adam\n"},
    {HEAD "train: [5]\n", "4:8: error: 'train' must be a mapping, not a list\n"},
    {HEAD TRAIN "loss: 3\n", "5:7: error: 'loss' must be a mapping, not a number\n"},
    {"name: last\ndataset: mnits\nmodel: mnist-cnn\ntrain: {epoch: 5, lr: -1}\ngrid: {lamda: [1], "
     "k: [], sigma: [0.1, 0.1]}\nbaseline: maybe\nseeds: -3\ntest: {sigma: [0, x]}\nrun: 7\n",
     " error: the sweep has neither 'train.epochs' nor 'train.steps'\n"
     "1:7: error: 'last' means the newest sweep and names none\n"
     "2:10: error: unknown data set 'mnits' (did you mean 'mnist'?)\n"
     "4:9: error: unknown key 'epoch' (did you mean 'epochs'?)\n"
     "4:23: error: lr must be greater than 0, not -1\n"
     "5:8: error: unknown axis 'lamda' (did you mean 'lambda'?)\n"
     "5:23: error: k has no value\n"
     "5:40: error: sigma has the value 0.1 twice\n"
     "6:11: error: unknown baseline 'maybe' (known: standard, noise-augmentation, noisy-bn)\n"
     "7:8: error: 'seeds' must be a whole number greater than 0 or a list of seeds\n"
     "8:19: error: test.sigma must be a number, not 'x'\n"
     "9:6: error: 'run' must be a mapping, not a number\n"},
};
