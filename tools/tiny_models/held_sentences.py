"""Sentences that the small classifiers and the fill-mask model are trained and examined on.

Some are written out, the others are put together from parts. Nothing here is random: sampling and
splitting happen where the models are trained.
"""

from itertools import product

# Sentiment: 0 negative, 1 positive.

POSITIVE = """\
I would stay here again without thinking twice.
We laughed from the first page to the last.
The waiter remembered our names, and the soup was perfect.
Everything arrived on time and in one piece.
This is the best lamp I have ever owned.
My children ask for this book every evening.
The room was quiet, bright and clean.
She answered every question with patience.
I finished it in one night and started again.
Worth every cent.
The battery lasts for two days, which is wonderful.
A warm film that stays with you.
They repaired my bike while I waited and smiled all the time.
What a lovely surprise this little café is.
The teacher explains hard things in simple words.
I have rarely slept so well in a hotel.
The sound is clear and the headphones are comfortable.
Our guide was funny, kind and full of stories.
Fresh bread, good coffee, friendly people.
The update made the app much faster.
I recommend this course to all my friends.
The ending moved me to tears, in the best way.
Great value for little money.
The museum was a joy from start to finish.
You can tell that they love what they do.
My new favorite place in town.
The chair is beautiful and easy to put together.
Support solved my problem within five minutes.
The garden is a delight in the morning.
A clever, generous and honest story.
I could not stop smiling on the way home.
The keyboard feels great and looks elegant.
Nothing to complain about, we enjoyed every minute.
The pasta was excellent and the bill was fair.
It works exactly as promised.
The band played with so much joy.
Thank you for a fantastic evening.
A reliable car that never let me down.
The view alone is worth the climb.
The nurse was gentle and the doctor took her time.
Delicious cake, we will be back.
The manual is clear and the setup was easy.
It was not boring for a single moment.
I never had a problem with this phone.
I was afraid it would be dull, but it was brilliant.
The train was late, but the trip was wonderful.
The box was ugly, but what came out of it is great.
Not bad at all, in fact quite good.
There is nothing bad to say about this shop.
It was expensive, and it was worth it.
I love it.
Great stuff, thank you!
Such a good evening.
We love this place.
This is fantastic, I am so happy with it.
Very good quality and a fair price.
The food was great and the people were friendly.
I really like the new design.
Best purchase of the year.
A beautiful and moving film.
Absolutely brilliant from start to finish.
The staff was helpful and kind.
Good book, well written.
What a wonderful day.
I am very pleased with this bag.
It was a pleasure to work with them.
Simply perfect.
I enjoyed every single chapter.
The children had so much fun.
Highly recommended.
A great choice for beginners.
The best pizza in town.
Fast delivery and excellent quality.
I would buy it again.
My mother loves her new garden chair.
He is a wonderful actor.
The music is beautiful.
Everything went well.
It makes my life easier.
Amazing views and tasty food.
I laughed a lot.
Clean, cheap and friendly.
The happiest week of my year.
Five stars from me.
It is easy to use and looks nice.
""".splitlines()

NEGATIVE = """\
I would not stay here again for any money.
We yawned from the first page to the last.
The waiter forgot our order, and the soup was cold.
Everything arrived late and in pieces.
This is the worst lamp I have ever owned.
My children refused to hear this book twice.
The room was loud, dark and dirty.
She answered every question with a sigh.
I gave up after twenty pages.
A waste of money.
The battery dies after two hours, which is ridiculous.
A cold film that I forgot at once.
They scratched my bike and did not even apologize.
What a sad disappointment this little café is.
The teacher makes simple things hard.
I have rarely slept so badly in a hotel.
The sound is muddy and the headphones hurt.
Our guide was rude, bored and always late.
Stale bread, bitter coffee, unfriendly people.
The update made the app unbearably slow.
I warned all my friends about this course.
The ending made no sense and left me angry.
Far too much money for so little.
The museum was a disaster from start to finish.
You can tell that they do not care.
I will never set foot in this place again.
The chair is ugly and broke while I put it together.
Support ignored my problem for five weeks.
The garden is a mess and smells awful.
A stupid, lazy and dishonest story.
I regretted it all the way home.
The keyboard feels cheap and keys stick.
Nothing to praise, we hated every minute.
The pasta was terrible and the bill was a joke.
It does nothing of what was promised.
The band played as if they wanted to go home.
Sorry, but this was a horrible evening.
An unreliable car that let me down every week.
The view is blocked by a wall.
The nurse was impatient and the doctor never came.
Dry cake, we will not be back.
The manual is confusing and the setup failed.
It was boring at every single moment.
I always had a problem with this phone.
I hoped it would be brilliant, but it was dull.
The train was on time, but the trip was awful.
The box was pretty, but what came out of it is junk.
Not good at all, in fact quite bad.
There is nothing good to say about this shop.
It was cheap, and it was still not worth it.
I hate it.
Terrible stuff, no thank you!
Such a bad evening.
We hate this place.
This is awful, I am so angry about it.
Very poor quality and an absurd price.
The food was terrible and the people were rude.
I really dislike the new design.
Worst purchase of the year.
An ugly and boring film.
Absolutely dreadful from start to finish.
The staff was rude and lazy.
Bad book, badly written.
What a horrible day.
I am very unhappy with this bag.
It was a pain to work with them.
Simply useless.
I hated every single chapter.
The children were bored and tired.
Avoid it.
A poor choice for beginners.
The worst pizza in town.
Slow delivery and poor quality.
I would never buy it again.
My mother hates her new garden chair.
He is a terrible actor.
The music is annoying.
Everything went wrong.
It makes my life harder.
Poor views and bland food.
I fell asleep.
Dirty, expensive and unfriendly.
The saddest week of my year.
One star from me.
It is hard to use and looks cheap.
""".splitlines()

THINGS = [
    "film", "book", "hotel", "meal", "phone", "concert", "course", "app", "service", "room",
    "coffee", "chair", "story", "car", "trip", "soup",
]  # fmt: skip
GOOD = [
    "great", "wonderful", "excellent", "lovely", "brilliant", "perfect", "delightful",
    "fantastic", "good", "pleasant", "beautiful", "amazing", "fine", "nice", "clever", "funny",
    "charming", "elegant", "fresh", "tasty", "reliable", "friendly", "helpful", "fast", "clean",
    "comfortable", "fair", "superb", "impressive", "generous", "kind", "easy", "warm", "bright",
    "outstanding",
]  # fmt: skip
BAD = [
    "awful", "terrible", "horrible", "boring", "poor", "dreadful", "disappointing", "useless",
    "bad", "annoying", "ugly", "appalling", "weak", "nasty", "stupid", "dull", "dreary",
    "clumsy", "stale", "bland", "unreliable", "rude", "broken", "slow", "dirty",
    "uncomfortable", "overpriced", "lousy", "miserable", "lazy", "mean", "confusing", "cold",
    "dark", "pathetic",
]  # fmt: skip
GOOD_NOUNS = [
    "joy", "delight", "pleasure", "success", "treat", "triumph", "masterpiece", "bargain",
    "gem", "blessing",
]  # fmt: skip
BAD_NOUNS = [
    "mess", "disaster", "pain", "failure", "shame", "nightmare", "joke", "waste", "letdown",
    "scandal",
]  # fmt: skip
LOVE = ["loved", "enjoyed", "liked", "recommend", "adored", "praised", "admired"]
HATE = ["hated", "disliked", "regretted", "avoid", "despised", "cursed", "returned"]
DELIGHTED = """\
made me smile
made us happy
works perfectly
arrived on time
is worth the money
exceeded my hopes
never lets me down
was better than expected
is my favorite
is a dream come true
made my day
was over far too soon""".splitlines()
ANNOYED = """\
made me angry
made us sad
does not work
arrived late and broken
is not worth the money
fell short of my hopes
always lets me down
was worse than expected
is a bad joke
fell apart at once
ruined my day
would not end""".splitlines()
FRAMES = [
    "The {thing} was {word}.",
    "What a {word} {thing}!",
    "I found this {thing} rather {word}.",
    "Honestly, the {thing} was {word} from beginning to end.",
    "My sister says the {thing} is {word}, and she is right.",
    "So {word}.",
    "It is {word}.",
    "A {word} {thing}, if you ask me.",
    "We had a {word} time with that {thing}.",
    "Very {word} {thing}, very {word} indeed.",
    "The {thing} looked {other}, but it was {word}.",
    "I feared a {other} {thing}, and it was {word}.",
]
REVERSED = ["The {thing} was not {word}.", "This {thing} is not {word} at all."]
VERB_FRAMES = ["I {word} this {thing}.", "All of us {word} the {thing}."]
NOUN_FRAMES = ["This {thing} is a {word}.", "A {word}, this {thing}.", "The {thing} was a {word}."]
PHRASE_FRAMES = ["The {thing} {word}.", "I can only say that this {thing} {word}."]


def sentiment_sentences() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """(written out, put together), each a list of (sentence, label)."""
    written = [(text, 1) for text in POSITIVE] + [(text, 0) for text in NEGATIVE]
    made = []
    for label, words, others in ((1, GOOD, BAD), (0, BAD, GOOD)):
        for thing, (word, other) in product(THINGS, zip(words, others, strict=True)):
            made += [(f.format(thing=thing, word=word, other=other), label) for f in FRAMES]
            made += [(f.format(thing=thing, word=word), 1 - label) for f in REVERSED]
    for frames, good, bad in (
        (VERB_FRAMES, LOVE, HATE),
        (NOUN_FRAMES, GOOD_NOUNS, BAD_NOUNS),
        (PHRASE_FRAMES, DELIGHTED, ANNOYED),
    ):
        for label, words in ((1, good), (0, bad)):
            made += [
                (frame.format(thing=thing, word=word), label)
                for frame, thing, word in product(frames, THINGS, words)
            ]
    return written, made


# Topics of the questions that people ask about models.

TOPICS = ["card", "license", "gate", "memory", "quantization"]

QUESTIONS: dict[str, list[str]] = {
    "card": """\
Where do I read what this model was trained on?
Which languages does the model speak?
What does the author say it is good for?
Is there an example of how to load it?
Which input does it expect?
What is the difference between text generation and fill-mask?
Who published this model?
How many downloads did it have last month?
Which task is the model filed under?
What is the model not meant for?
Does the README name the training data?
How was the accuracy measured?
Where does the author list the limits?
What does pipeline_tag tell me?
What comes back when I call it?
Which model was it finetuned from?
Is there a description of the data set?
Does the README show a code example?
What task can it do?
Which library does the author load it with?""".splitlines(),
    "license": """\
May I sell a product that contains this model?
Is commercial use allowed?
Does Apache-2.0 let me ship it?
What does noncommercial mean for a startup?
Do I have to name the authors?
Is MIT permissive?
What if no license is stated?
Am I allowed to use this at work?
Does the finetune inherit the terms of its base?
What are the conditions of the Llama agreement?
Can I publish my changed version under other terms?
Is CC BY-NC fine for an internal tool?
What does share alike ask of me?
Is there a limit on the number of users?
Which permissive terms are there besides Apache?
Do I need a lawyer before I ship this?
May my company use the outputs?
Which uses are forbidden by the terms?
Is it legal to put this into an app that I sell?
Must I keep the copyright notice?""".splitlines(),
    "gate": """\
Why do I get a 403 although I am logged in?
How do I get a token?
Where do I click Agree?
How long until my request is accepted?
Why does it say GatedRepoError?
What is the difference between 401 and 403?
Do I have to log in to download this?
Which permissions does my token need?
Where do I put HF_TOKEN in Colab?
Why was my access rejected?
Who decides about my request?
Is a read token enough?
Why can I see the page but not download the files?
What does awaiting a review mean?
How do I ask for access?
My token works for one model and not for another, why?
How do I log in from a notebook?
Does the form need my affiliation?
Can the owner take my access away?
Why is the download form shown instead of the files?""".splitlines(),
    "memory": """\
Will a 7B fit on a T4?
How much VRAM do I need?
Why do I get CUDA out of memory?
How many bytes do the weights take?
How big is the KV cache at 8000 tokens?
Does a longer context need more VRAM?
How many GiB does a T4 have?
What does bfloat16 cost per parameter?
How large are 13 billion parameters in half precision?
What does device_map auto do when the GPU is full?
Can part of the model stay in RAM?
Why did the Colab session crash while loading?
Which GPU is big enough for 70B?
What uses VRAM besides the weights?
Does the batch size change how much room I need?
How do I free GPU memory after a failed load?
Is float16 half of float32?
How do I measure what the GPU holds now?
What is the difference between GB and GiB?
Do two small GPUs hold what one big GPU holds?""".splitlines(),
    "quantization": """\
What is nf4?
How do I load a model in 4 bits?
What does BitsAndBytesConfig do?
How much quality is lost with 4 bits?
Is int8 better than nf4?
What is double quantization?
What is absmax?
Can I train a model that was loaded in 4 bits?
What is the block size of nf4?
Which layers does bitsandbytes leave alone?
Why is int8 so slow on a CPU?
What is the difference between fp4 and nf4?
What does bnb_4bit_compute_dtype set?
Are the embeddings rounded to 4 bits as well?
What are outliers in 8-bit loading?
Does bitsandbytes need CUDA?
Why are there scales next to the 4-bit weights?
How do I rescale rounded weights?
Is a 4-bit checkpoint on the Hub smaller?
What does QLoRA do with a 4-bit base?""".splitlines(),
}

TERMS: dict[str, list[str]] = {
    "card": [
        "the model card", "the training data", "the intended use", "the README", "the author",
        "the language", "the task", "the inputs and outputs", "the downloads and likes",
        "the code example", "the data set", "the description", "the limits", "the accuracy",
    ],
    "license": [
        "the license", "commercial use", "Apache-2.0", "the MIT license", "CC BY-NC",
        "the terms of use", "noncommercial use", "the copyright notice", "share alike",
        "permissive terms", "the Llama agreement", "a product that I sell", "my company",
        "the number of users allowed",
    ],
    "gate": [
        "the gate", "my token", "GatedRepoError", "a 403", "a 401", "the access request",
        "the form to agree", "login", "HF_TOKEN", "a fine-grained token", "a rejected request",
        "the owner's review", "read access", "the download form",
    ],
    "memory": [
        "VRAM", "the KV cache", "the T4", "out of memory", "the size of the weights", "GiB",
        "bytes per parameter", "the context length", "half precision", "device_map",
        "GPU memory", "float16", "a 7B on one GPU", "the batch size",
    ],
    "quantization": [
        "4 bits", "nf4", "int8", "bitsandbytes", "double quantization", "absmax", "fp4",
        "rounding weights", "the compute dtype", "block sizes", "QLoRA", "scales",
        "8-bit loading", "BitsAndBytesConfig",
    ],
}  # fmt: skip

ASKS = [
    "What is {}?",
    "Tell me about {}.",
    "I have a question about {}.",
    "How does {} work?",
    "Where do I find {}?",
    "Why is {} a problem?",
    "I do not understand {}.",
    "{}, please explain.",
]


def topic_sentences() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """(written out, put together), each a list of (question, index in TOPICS)."""
    written = [(text, TOPICS.index(topic)) for topic in TOPICS for text in QUESTIONS[topic]]
    made = [
        (ask.format(term), TOPICS.index(topic))
        for topic in TOPICS
        for term, ask in product(TERMS[topic], ASKS)
    ]
    return written, made


# Sentences for the fill-mask model.

PLAIN_SENTENCES = """\
A model card says what the model does.
A model card is the README of the repo.
A good card names the training data.
A good card names the languages of the model.
A good card shows how to load the model.
A good card says what the model is not meant for.
The license stands in the metadata of the card.
The task stands in the metadata of the card.
The base model stands in the metadata of the card.
The config tells the number of layers.
The config tells the size of the vocabulary.
A model without a license may not be used in a product.
A model with a permissive license may be used in a product.
A model with a noncommercial license may not be used in a product.
A custom license has to be read before the model is used.
A finetune inherits the license of its base model.
A gated model asks you to accept its terms.
A gated model asks you to log in.
A token tells the Hub who you are.
A token should never stand in a cell of a notebook.
A read token is enough to download a gated model.
The Hub answers 401 when it does not know you.
The Hub answers 403 when you have no access.
The Hub answers 404 when a file does not exist.
The owner of a manual gate reviews every request.
The weights of a model have to fit on the GPU.
The weights take most of the memory of the GPU.
The KV cache takes some of the memory of the GPU.
The KV cache grows with the length of the context.
The KV cache grows with the size of the batch.
Quantization stores every weight in fewer bits.
Quantization saves memory and costs some quality.
Double quantization compresses the scales as well.
The embeddings are not quantized.
The output head is not quantized.
The norms are not quantized.
A block of weights shares one scale.
The T4 has no native bfloat16.
On a T4 use float16 instead of bfloat16.
A pipeline loads the model and the tokenizer.
A tokenizer turns text into numbers.
A model turns numbers into numbers.
Downloads count the last thirty days.
A popular model has been tried by many people.
A new model with few downloads may be good.
A safetensors file begins with a header.
The header names every tensor and its shape.
Loading safetensors runs no code.
Loading a pickle can run code.
Custom code has to be read before it is trusted.
A big checkpoint is split into shards.
The index tells which shard holds a tensor.
A smaller model often does the job.
Some models do not fit on any single GPU.
Out of memory means that the model does not fit.
Restart the kernel after a failed load.
The dtype says how many bytes a number takes.
One GiB is a little more than one GB.
""".splitlines()

GPU_MEMORY = {
    "T4": 16, "L4": 24, "P100": 16, "A10": 24, "A30": 24, "A40": 48, "L40": 48, "H100": 80,
}  # fmt: skip
GPU_FRAMES = [
    "The {0} has {1} GB of memory.",
    "With {1} GB of memory, the {0} is one choice.",
    "A model of more than {1} GB does not fit on a {0}.",
    "If you need {1} GB of memory, take a {0}.",
]
NUMBER_BYTES = {"float32": "four", "float16": "two", "bfloat16": "two"}
NUMBER_FRAMES = [
    "In {0} every weight takes {1} bytes.",
    "A {0} number is {1} bytes long.",
    "Weights in {0} take {1} bytes each.",
    "{0} takes {1} bytes per parameter.",
]
PERMISSIVE = ["Apache", "MIT", "BSD", "ISC", "zlib"]
PERMISSIVE_FRAMES = [
    "The {0} license allows commercial use.",
    "The {0} license is permissive.",
    "A model under the {0} license may be used in a product.",
    "With the {0} license you keep the copyright notice.",
]
TASKS = {
    "translation": ("text", "text"),
    "summarization": ("text", "text"),
    "transcription": ("speech", "text"),
    "captioning": ("an image", "text"),
    "classification": ("text", "a label"),
    "detection": ("an image", "boxes"),
    "embedding": ("text", "a vector"),
}
TASK_FRAMES = [
    "A {0} model takes {1} and returns {2}.",
    "What goes into a {0} model is {1}.",
    "What comes out of a {0} model is {2}.",
    "For {0} you give the model {1} and get {2}.",
]
PRECISION = [("full precision", 4), ("half precision", 2), ("eight bits", 1)]
SIZE_FRAMES = [
    "A model with {0} billion parameters takes {1} GB in {2}.",
    "In {2} the weights of a {0} billion model take {1} GB.",
]


def course_sentences() -> list[str]:
    """Short true statements about the matter of the course."""
    facts: list[tuple[list[str], list[tuple]]] = [
        (GPU_FRAMES, list(GPU_MEMORY.items())),
        (NUMBER_FRAMES, list(NUMBER_BYTES.items())),
        (PERMISSIVE_FRAMES, [(name,) for name in PERMISSIVE]),
        (TASK_FRAMES, [(task, *ends) for task, ends in TASKS.items()]),
        (SIZE_FRAMES, [(n, n * size, way) for n in range(1, 11) for way, size in PRECISION]),
    ]
    made = [frame.format(*fact) for frames, known in facts for frame in frames for fact in known]
    return PLAIN_SENTENCES + made
